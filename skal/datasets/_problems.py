"""Problems of a data set, collected and reported together."""

import warnings

__all__ = ["DatasetError", "DatasetWarning", "report_problems"]

_SHOWN = 20


class DatasetError(ValueError):
    """A data set is wrong; ``problems`` lists all errors.

    Parameters
    ----------
    title : str
        One-line summary.
    problems : list of Broken
        What is wrong, with the file or the row.

    See Also
    --------
    DatasetWarning : With ``on_error="warn"``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import DatasetError, load_fsdd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "3_jackson_0.wav").touch()
    ...     (Path(folder) / "seven.wav").touch()
    ...     try:
    ...         load_fsdd(folder)
    ...     except DatasetError as error:
    ...         print(error.problems[0].reason)
    not named digit_speaker_take.wav
    """

    def __init__(self, title, problems):
        super().__init__(title, problems)
        self.title = title
        self.problems = problems

    def __str__(self):
        return _summary(self.title, self.problems)


class DatasetWarning(UserWarning):
    """Parts of a data set were left out; ``problems`` of the Bunch lists them.

    See Also
    --------
    DatasetError : Without ``on_error="warn"``.

    Examples
    --------
    >>> import tempfile
    >>> import warnings
    >>> from pathlib import Path
    >>> from skal.datasets import DatasetWarning, load_fsdd
    >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DatasetWarning)
    ...     (Path(folder) / "3_jackson_0.wav").touch()
    ...     (Path(folder) / "seven.wav").touch()
    ...     digits = load_fsdd(folder, on_error="warn")
    >>> len(digits.paths), digits.problems[0].reason
    (1, 'not named digit_speaker_take.wav')
    """


def report_problems(title, problems, on_error):
    """Raise an error or warn, if there are problems."""
    if not problems:
        return
    if on_error == "raise":
        raise DatasetError(title, problems)
    warnings.warn(_summary(title, problems), DatasetWarning, stacklevel=3)


def _summary(title, problems):
    lines = [title, *(f"  {problem}" for problem in problems[:_SHOWN])]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more (see .problems)")
    return "\n".join(lines)
