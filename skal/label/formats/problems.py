"""What is wrong with a file of labels, collected first and told all at once."""

import math
import os
from typing import NamedTuple

__all__ = ["LabelFileError", "LabelProblem", "check_span"]

_SHOWN = 20


class LabelProblem(NamedTuple):
    """Something that is wrong with a row of a file of labels.

    Parameters
    ----------
    row : str
        Which row: ``"row 3"`` (the header is row 1), ``"task 3"``, or a recording.
    key : str
        Which column or key of it.
    reason : str
        What is wrong with it.
    """

    row: str
    key: str
    reason: str

    def __str__(self):
        return f"{self.row}, {self.key}: {self.reason}"


class LabelFileError(ValueError):
    """A file of labels cannot be taken; ``problems`` lists all that is wrong with it.

    Parameters
    ----------
    path : path-like
        The file.
    problems : list of LabelProblem
        What is wrong. Nothing of the file has been taken.
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
    """Return what is wrong with the times of a clip, or None.

    Parameters
    ----------
    start, end : float or None
        In s; both None for a whole recording.

    Returns
    -------
    tuple (key, reason) or None
    """
    for key, value, other in (("start", start, "end"), ("end", end, "start")):
        if value is None and (start, end) != (None, None):
            return key, f"empty, although {other} is given; give both, in s, or none"
        if value is not None and not 0 <= value < math.inf:
            return key, f"{value} is no time in a recording; give seconds"
    if start is not None and start >= end:
        return "end", f"start={start} and end={end}: a clip ends after it starts"
    return None
