"""A real Chromium for the tests of the page."""

import contextlib
import os
import shutil
import time

import pytest

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--mute-audio",
)


def chromium():
    """Return the path of Chromium, or skip the test."""
    names = [os.environ.get("SKAL_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium, or set SKAL_CHROMIUM to its path")
    return found


@contextlib.contextmanager
def launched(arguments=()):
    """Start Chromium for as long as the block lasts."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, with all that went wrong in it."""

    def __init__(self, browser, url, *, width=1280, height=860, **options):
        viewport = {"width": width, "height": height}
        self.context = browser.new_context(viewport=viewport, reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._accept)
        self.page.on("console", self._note)
        self.page.goto(url)

    def _accept(self, dialog):
        # Before it is left, a page with answers that are not saved asks whether it may be.
        if dialog.type != "beforeunload":
            self.errors.append(dialog.message)
        dialog.accept()

    def _note(self, message):
        # That the server was asked in vain is what some tests are about.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def until(self, script, expected=True, timeout=20):
        """Wait until a script says what is expected; the page's policy forbids to poll inside."""
        end = time.monotonic() + timeout
        while (found := self.page.evaluate(script)) != expected:
            assert time.monotonic() < end, f"{script} is {found!r}, not {expected!r}"
            self.page.wait_for_timeout(20)

    def question(self):
        """Wait for a question and return the name of its file."""
        self.until("document.getElementById('work').hidden", False)
        return self.page.inner_text("#file")

    def text(self, selector):
        """Return the text of an element."""
        return self.page.inner_text(selector)


@contextlib.contextmanager
def opened(browser, url, **options):
    """Open a page for as long as the block lasts; nothing may go wrong in it."""
    watched = Watched(browser, url, **options)
    try:
        yield watched
        assert watched.errors == []
    finally:
        watched.context.close()
