"""Text in cells of tables, without line breaks, and as UTF-8 in a stream."""

import contextlib
import io
import re

__all__ = ["one_line", "text_stream"]

_BREAKS = re.compile(r"[\0-\x1f\x7f\x85\u2028\u2029]+")


def one_line(text):
    """Return text with a space for each run of control characters."""
    return _BREAKS.sub(" ", text)


@contextlib.contextmanager
def text_stream(stream, errors="surrogateescape"):
    """Write UTF-8 to a stream of bytes, which stays open.

    By default, names that are not UTF-8 keep their bytes.
    """
    text = io.TextIOWrapper(stream, "utf-8", errors=errors, newline="")
    try:
        yield text
    finally:
        # Otherwise the wrapper would close the stream when it is deleted.
        text.detach()
