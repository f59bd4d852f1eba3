"""Take the pictures of the labeling page that the pages show: python docs/screenshots.py.

Needs skal[label], playwright and a Chromium (SKAL_CHROMIUM names one that is elsewhere). Sounds
are synthetic, so that the pictures can be made again anywhere.
"""

import os
import shutil
import tempfile
import threading
from pathlib import Path

import soundfile
from playwright.sync_api import sync_playwright

from skal.datasets import make_sounds
from skal.label import LabelingProject, serve

TARGET = Path(__file__).parent / "_static"
CLASSES = ["chirp up", "clicks", "tone"]
SIZES = {"label-page": (1100, 760), "label-page-phone": (390, 760)}


def write_recordings(folder):
    """Write some recordings of each class."""
    sounds = make_sounds(40, 4, snr_db=15, random_state=0)
    for i, waveform in enumerate(sounds.data):
        soundfile.write(folder / f"recording_{i:02}.wav", waveform, sounds.sr)


def photograph(url):
    """Take a picture of the page at each size."""
    names = [os.environ.get("SKAL_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    browser = next(found for found in map(shutil.which, filter(None, names)) if found)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            page = opened.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(300_000)
            page.goto(url)
            page.wait_for_function(
                "() => { const i = document.querySelector('#spectrogram');"
                " return !i.hidden && i.complete && i.naturalWidth > 100; }",
                timeout=300_000,
            )
            page.wait_for_timeout(5000)  # the sound has been played, the picture drawn
            page.screenshot(path=TARGET / f"{name}.png")
        opened.close()


def main():
    """Serve a project, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder, "recordings")
        folder.mkdir()
        write_recordings(folder)
        address, ready = [], threading.Event()

        def started(url):
            address.append(url)
            ready.set()

        def run():
            with LabelingProject(folder, CLASSES) as project:
                serve(project, train=False, person="you", on_ready=started)

        threading.Thread(target=run, daemon=True).start()
        ready.wait(60)
        photograph(address[0])


if __name__ == "__main__":
    main()
