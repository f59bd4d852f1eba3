"""Text tables of any program: separators, quotes, column names, and safe cells."""

import contextlib
import csv
import io
import itertools
import math
import re
from typing import NamedTuple

from skal._utils.hints import did_you_mean

__all__ = [
    "Row",
    "TableError",
    "find_columns",
    "is_missing",
    "near_name",
    "one_line",
    "read_cells",
    "safe_cell",
    "text_stream",
    "unsafe_cell",
]

# In order of preference, because commas also occur in names and numbers.
_SEPARATORS = "\t;,"
# Number of lines from which to guess the separator.
_SAMPLE_LINES = 20
# The line that tells spreadsheets the separator.
_SEPARATOR_LINE = re.compile(
    r"\s*\"?sep=(?P<separator>[^\"\r\n])\"?[,;\t ]*(?:\r\n|\r|\n|\Z)", re.IGNORECASE
)

# The beginning of a formula, as OWASP lists it, also in full width. Spreadsheets skip blanks and
# invisible characters before it. A leading apostrophe makes a cell text. A cell that already
# starts with apostrophes gets one more, so removing one always restores the original. Cells with
# leading or trailing blanks are marked too, because readers strip those.
_UNSEEN = r"\s\0\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_MARKED = re.compile(rf"'*(?:[{_UNSEEN}]|[=+\-@\uff1d\uff0b\uff0d\uff20]|.*\s\Z)", re.DOTALL)

_BREAKS = re.compile(r"[\0-\x1f\x7f\x85\u2028\u2029]+")

# Spaces after a closing quotation mark; Python's csv reader rejects them.
_BLANK_BEHIND = {
    mark: re.compile(rf'((?:^|{mark})[ ]*"(?:[^"]|"")*")[ ]+(?={mark}|\r|\n|\Z)', re.MULTILINE)
    for mark in _SEPARATORS
}


class Row(NamedTuple):
    """The cells of a row, and the line of the file where it ends."""

    number: int
    line: int
    cells: list


class TableError(ValueError):
    """A table is unreadable from a certain line."""

    def __init__(self, line, reason):
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


def read_cells(text, *, quotes=True):
    """Return the non-empty rows of a table, and its separator."""
    told = _SEPARATOR_LINE.match(text)
    body = text[told.end() :] if told else text
    skipped = 1 if told else 0
    separator = told["separator"] if told else _separator_of(body)
    if quotes:
        body = _BLANK_BEHIND[separator].sub(r"\1", body) if separator in _BLANK_BEHIND else body
    quoting = {} if quotes else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    # A blank before a quotation mark would make the mark part of the cell.
    reader = csv.reader(
        io.StringIO(body, newline=""),
        delimiter=separator,
        strict=quotes,
        skipinitialspace=quotes,
        **quoting,
    )
    rows = []
    try:
        for number, cells in enumerate(reader, start=1 + skipped):
            if any(cell.strip() for cell in cells):
                rows.append(Row(number, reader.line_num + skipped, cells))
    except csv.Error as error:
        raise TableError(reader.line_num + skipped, str(error)) from error
    return rows, separator


def _separator_of(body):
    """Return the separator whose count in most lines equals its count in the header."""
    lines = (line for line in io.StringIO(body) if line.strip())
    counts = [_unquoted(line).count for line in itertools.islice(lines, _SAMPLE_LINES)]

    def fit(separator):
        n = counts[0](separator) if counts else 0
        return sum(count(separator) == n for count in counts) if n else 0, n

    return max(_SEPARATORS, key=fit)


def _unquoted(line):
    return re.sub(r'"[^"]*"', "", line)


def find_columns(columns, known):
    """Find known columns, ignoring case and surrounding blanks."""
    found, several = {}, []
    for name in known:
        same = [column for column in columns if column.strip().casefold() == name]
        if len(same) == 1:
            found[name] = same[0]
        elif same:
            several.append(name)
    return found, several


def near_name(name, columns):
    """Return a hint at the intended column."""
    if not any(columns):
        return "the file is empty"
    return did_you_mean(name, columns, f"it has {', '.join(map(str, columns))}")


def is_missing(value):
    """Return whether a value is missing: None, blank text, or NaN."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def safe_cell(text):
    """Return text as a cell that a spreadsheet does not run as a formula."""
    return f"'{text}" if _MARKED.match(text) else text


def one_line(text):
    """Return text with a space for each run of control characters."""
    return _BREAKS.sub(" ", text)


def unsafe_cell(cell):
    """Undo `safe_cell`, and strip blanks that other programs add."""
    return cell[1:] if cell.startswith("'") and _MARKED.match(cell) else cell.strip()


@contextlib.contextmanager
def text_stream(stream, errors="surrogateescape"):
    """Write UTF-8 to a binary stream, which stays open."""
    # By default, names that are not UTF-8 keep their bytes.
    text = io.TextIOWrapper(stream, "utf-8", errors=errors, newline="")
    try:
        yield text
    finally:
        # Otherwise the wrapper would close the stream when it is deleted.
        text.detach()
