"""Text in the cells of tables: never a formula for a spreadsheet, never a line of its own."""

import contextlib
import io
import re

__all__ = ["one_line", "safe_cell", "text_stream", "unsafe_cell"]

# What spreadsheets take as the beginning of a formula, as OWASP lists it, also in full width; a
# quotation mark before it makes it text. Text that begins with marks and one of these gets one
# more, so that taking one away always gives back what was there.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_BREAKS = re.compile(r"[\0-\x1f\x7f\x85\u2028\u2029]+")


def safe_cell(text):
    """Return text as a cell of a table that a spreadsheet may open.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        With a ``'`` before what would be a formula.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unsafe_cell(cell):
    """Return the text that `safe_cell` was given.

    Parameters
    ----------
    cell : str
        A cell.

    Returns
    -------
    str
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def one_line(text):
    """Return text without tabs and line breaks, for formats that cannot write them.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        With a space for each run of control characters.
    """
    return _BREAKS.sub(" ", text)


@contextlib.contextmanager
def text_stream(stream, errors="surrogateescape"):
    """Write UTF-8 to a stream of bytes, which stays open.

    Parameters
    ----------
    stream : binary file object
        Where to.
    errors : str, default="surrogateescape"
        What becomes of names that are no UTF-8: they keep their bytes.

    Yields
    ------
    io.TextIOWrapper
        For `csv.writer`.
    """
    text = io.TextIOWrapper(stream, "utf-8", errors=errors, newline="")
    try:
        yield text
    finally:
        # Else the stream would be closed with the wrapper, as soon as nobody holds that.
        text.detach()
