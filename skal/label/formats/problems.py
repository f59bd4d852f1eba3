"""Problems of a label file, collected and reported together."""

import json
import math
import os
from typing import NamedTuple

__all__ = ["LabelFileError", "LabelProblem", "LeftOut", "check_span", "parse_json"]

_SHOWN = 20


class LabelProblem(NamedTuple):
    """A problem in a row of a label file."""

    row: str  # the row: ``"row 3"`` (the header is row 1), ``"task 3"``, or a recording
    key: str  # the column or key
    reason: str  # what is wrong

    def __str__(self):
        return f"{self.row}, {self.key}: {self.reason}"


class LeftOut(LabelProblem):
    """A row without a label, which is left out."""


class LabelFileError(ValueError):
    """A label file cannot be read; ``problems`` lists all errors.

    Parameters
    ----------
    path : path-like
        The file.
    problems : list of LabelProblem
        The problems. Nothing of the file was taken.

    See Also
    --------
    read_labels : Raises it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.label import LabelFileError, read_labels
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.csv"
    ...     n_characters = path.write_text("path,start,end,label\\na.wav,4,2,wren\\n")
    ...     try:
    ...         read_labels(path)
    ...     except LabelFileError as error:
    ...         print(error.problems[0])
    row 2, end: start=4.0 and end=2.0: the end must be after the start
    """

    def __init__(self, path, problems):
        super().__init__(path, problems)
        self.path = os.fspath(path)
        self.problems = problems

    def __str__(self):
        if len(self.problems) == 1:
            return f"{self.path}: {self.problems[0]}"
        lines = [f"{self.path}: {len(self.problems)} problems; nothing was taken:"]
        lines += [f"  {problem}" for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"  and {len(self.problems) - _SHOWN} more (see .problems)")
        return "\n".join(lines)


def check_span(start, end):
    """Return (key, reason) of a wrong time in s, or None; a whole file has no times."""
    for key, value, other in (("start", start, "end"), ("end", end, "start")):
        if value is None and (start, end) != (None, None):
            return key, f"empty, but {other} is given; give both, in s, or neither"
        if value is not None and not 0 <= value < math.inf:
            return key, f"{value} is not a time in a recording; give seconds"
    if start is not None and start >= end:
        return "end", f"start={start} and end={end}: the end must be after the start"
    return None


def parse_json(text):
    """Parse JSON text; raise a one-line error."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return error
