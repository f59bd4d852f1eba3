"""The page in a real Chromium, for the tests of this folder that have a `serving`."""

import pytest

from tests.label.web.browser import launched, opened


@pytest.fixture(scope="module")
def browser():
    """Return a browser for all tests of a module."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser, serving):
    """Return the open page."""
    with opened(browser, serving.url) as page:
        page.question()
        yield page
