"""Text in cells of tables, without line breaks."""

import re

__all__ = ["one_line"]

_BREAKS = re.compile(r"[\0-\x1f\x7f\x85\u2028\u2029]+")


def one_line(text):
    """Return text with a space for each run of control characters."""
    return _BREAKS.sub(" ", text)
