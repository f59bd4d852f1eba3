"""Errors of experiments, each a line that names the key and the fix."""

__all__ = ["ExperimentError", "FolderBusyError", "Interrupted", "ParameterError"]


class ExperimentError(Exception):
    """An experiment cannot start or continue; the message is one line for the user.

    See Also
    --------
    ParameterError : About a key or a value.

    Examples
    --------
    >>> import tempfile
    >>> from skal.experiment import ExperimentError, resume_runs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     try:
    ...         resume_runs(folder)
    ...     except ExperimentError as error:
    ...         print(str(error).replace(folder, "outputs"))
    outputs: this folder has no started run; start it again with skal run
    """


class FolderBusyError(ExperimentError):
    """Another process is working in a run folder, which the message names."""


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C; finished work is saved."""

    def __init__(self, how_to_go_on):
        super().__init__(how_to_go_on)


class ParameterError(ExperimentError, ValueError):
    """A parameter has a wrong name or value.

    Parameters
    ----------
    key : str
        The key; nested keys have dots.
    problem : str
        What is wrong, and what is allowed.

    See Also
    --------
    load_params : Raises it.

    Examples
    --------
    >>> from skal.experiment import ParameterError, load_params
    >>> try:
    ...     load_params({"n_initial": 0})
    ... except ParameterError as error:
    ...     print(error.key)
    n_initial
    """

    def __init__(self, key, problem):
        self.key = key
        self.problem = " ".join(str(problem).split())
        super().__init__(f"{key}: {self.problem}")
