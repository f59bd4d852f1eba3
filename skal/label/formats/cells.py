"""Text in cells of tables: no formula for a spreadsheet, no line break."""

import contextlib
import io
import re

__all__ = ["one_line", "safe_cell", "text_stream", "unsafe_cell"]

# The beginning of a formula, as OWASP lists it, also in full width; a quotation mark before it
# makes it text. Spreadsheets skip blanks before it, and characters that nobody sees. Text that
# already has such marks gets one more, so that removing one mark always restores it. Blanks
# around other cells are dropped by those who read tables, and are marked, too.
_UNSEEN = r"\s\0\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_MARKED = re.compile(rf"'*(?:[{_UNSEEN}]|[=+\-@\uff1d\uff0b\uff0d\uff20]|.*\s\Z)", re.DOTALL)
_BREAKS = re.compile(r"[\0-\x1f\x7f\x85\u2028\u2029]+")


def safe_cell(text):
    """Return text as a cell that a spreadsheet takes for text."""
    return f"'{text}" if _MARKED.match(text) else text


def unsafe_cell(cell):
    """Return the text that `safe_cell` was given, without blanks that others put around it."""
    return cell[1:] if cell.startswith("'") and _MARKED.match(cell) else cell.strip()


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
