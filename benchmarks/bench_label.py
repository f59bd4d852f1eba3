"""What people wait for when they label: opening a project, the next clip, a restart.

A project of 100,000 clips is made and opened again; 20 annotators answer over HTTP while a model
trains in its process; the server is killed and started again. What every annotator answered is
compared with what the project holds, before any time is printed.

    python benchmarks/bench_label.py
    python benchmarks/bench_label.py --clips 10000 --annotators 5 --answers 20
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import httpx
import numpy as np
import soundfile

from skal.label import LabelingProject

SERVER = """
import sys
from skal.label import LabelingProject
from skal.label.web.server import serve
with LabelingProject(sys.argv[1], folder=sys.argv[2]) as project:
    serve(project, port=int(sys.argv[3]), on_ready=lambda address: print(address, flush=True))
"""
CLASSES = ("low", "high")


def make_recordings(folder, n_clips):
    """Write short tones of two classes, the same two contents over and over."""
    folder.mkdir(parents=True)
    contents = []
    for i in range(2):
        times = np.arange(800) / 8000
        sound = 0.3 * np.sin(2 * np.pi * (300, 2000)[i] * times)
        soundfile.write(folder / "first.wav", sound, 8000)
        contents.append((folder / "first.wav").read_bytes())
    (folder / "first.wav").unlink()
    for i in range(n_clips):
        (folder / f"{i:06d}.wav").write_bytes(contents[i % 2])


def timed(what, function):
    """Call a function, print what it took, and return its result."""
    start = time.perf_counter()
    result = function()
    print(f"{what:58}{time.perf_counter() - start:9.3f} s", flush=True)
    return result


def percentiles(what, seconds):
    """Print the median, the 95th percentile and the longest of some times."""
    middle, high = 1000 * np.percentile(seconds, [50, 95])
    print(
        f"{what:58}{middle:9.1f} ms median{high:9.1f} ms at 95 %"
        f"{1000 * max(seconds):9.1f} ms longest, of {len(seconds)}",
        flush=True,
    )


def bench_large(home, n_clips):
    """Time a project of many clips, without a server."""
    make_recordings(home / "many", n_clips)
    project = LabelingProject(home / "many", CLASSES)
    timed(f"make a project of {n_clips} clips", project.open)
    project.close()
    timed(f"open a project of {n_clips} clips again", project.open)
    took = []
    for i in range(200):
        start = time.perf_counter()
        question = project.next("ann")
        took.append(time.perf_counter() - start)
        project.answer(question.question_id, "ann", "label", CLASSES[i % 2], 1.0, str(i))
    assert len(project.labels()) == 200
    percentiles(f"next() among {n_clips} clips", took)
    timed(f"progress() of {n_clips} clips", project.progress)
    project.close()


class Server:
    """A server with its training process, in a process of its own."""

    def __init__(self, recordings, folder):
        self.arguments = [str(recordings), str(folder)]
        self.port = 0

    def start(self):
        """Start it, and wait until browsers can connect."""
        command = [sys.executable, "-c", SERVER, *self.arguments, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])
        with connect(self.url) as client:
            client.get("api/classes").raise_for_status()

    def kill(self):
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def connect(url):
    """Return a client; certificates, which take long to load, are of no use on loopback."""
    return httpx.Client(base_url=url, timeout=60, verify=False)


def annotate(url, person, n_answers, pause, took, told):
    """Answer questions, and time each from the answer to the next question."""
    rng = random.Random(person)  # people do not march in step
    with connect(url) as client:
        question = client.get("api/next", params={"person": person}).raise_for_status().json()
        for _ in range(n_answers):
            time.sleep(pause * rng.uniform(0.2, 1.8))
            label = CLASSES[question["clip_id"] % 2]
            given = {"question_id": question["question_id"], "person": person, "kind": "label"}
            given |= {"label": label, "seconds": pause, "client_key": uuid.uuid4().hex}
            start = time.perf_counter()
            client.post("api/answers", json=given).raise_for_status()
            told.append((question["clip_id"], label))
            answer = client.get("api/next", params={"person": person}).raise_for_status()
            took.append(time.perf_counter() - start)
            question = answer.json()


def bench_people(home, n_clips, n_annotators, n_answers, pause):
    """Time the answers of many people at once while a model trains, then a restart."""
    make_recordings(home / "some", n_clips)
    LabelingProject(home / "some", CLASSES, folder=home / "project").open().close()
    server = Server(home / "some", home / "project")
    timed("start the server", server.start)
    # So many labels that training begins, and goes on for as long as people answer.
    annotate(server.url, "first", 20, 0.0, [], told := [])
    wait_for_training(server.url)
    took = []
    threads = [
        threading.Thread(target=annotate, args=(server.url, f"p{i}", n_answers, pause, took, told))
        for i in range(n_annotators)
    ]
    for thread in threads:
        thread.start()
    statuses = []
    with connect(server.url) as client:
        while any(thread.is_alive() for thread in threads):
            statuses.append(client.get("api/progress").json()["training"]["status"])
            time.sleep(0.5)
    server.kill()
    timed("start the server again after kill -9", server.start)
    server.kill()
    with LabelingProject(home / "some", folder=home / "project") as project:
        found = [(answer.clip_id, answer.label) for answer in project.answers()]
    assert sorted(found) == sorted(told), "answers were lost or doubled"
    share = statuses.count("training") / len(statuses)
    percentiles(f"answer to next, {n_annotators} annotators over HTTP", took)
    print(f"the model was training for {share:.0%} of that time")


def wait_for_training(url):
    """Wait until the first model is in work."""
    deadline = time.monotonic() + 300
    with connect(url) as client:
        while client.get("api/progress").json()["training"]["round"] is None:
            if time.monotonic() > deadline:
                raise TimeoutError("no training began")
            time.sleep(0.2)


def main():
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--annotators", type=int, default=20)
    parser.add_argument("--answers", type=int, default=30)
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds of listening")
    parser.add_argument("--only", nargs="*", choices=["large", "people"])
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as home:
        if not options.only or "large" in options.only:
            bench_large(Path(home), options.clips)
        if not options.only or "people" in options.only:
            n_clips = options.annotators * options.answers + 200
            people = options.annotators, options.answers, options.pause
            bench_people(Path(home), n_clips, *people)


if __name__ == "__main__":
    main()
