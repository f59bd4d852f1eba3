"""Errors of an experiment: one line that names the key and what to do."""

__all__ = ["ExperimentError", "FolderBusyError", "Interrupted", "ParameterError"]


class ExperimentError(Exception):
    """An experiment cannot start or continue; the message is one line for the user."""


class FolderBusyError(ExperimentError):
    """Another process is working in a run folder; the message says which one."""


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C, and everything finished so far is saved.

    Parameters
    ----------
    how_to_go_on : str
        One line for the user.
    """

    def __init__(self, how_to_go_on):
        super().__init__(how_to_go_on)


class ParameterError(ExperimentError, ValueError):
    """A parameter has a wrong name or value.

    Parameters
    ----------
    key : str
        The key, with dots if it is nested.
    problem : str
        What is wrong, and what is allowed.
    """

    def __init__(self, key, problem):
        self.key = key
        self.problem = " ".join(str(problem).split())
        super().__init__(f"{key}: {self.problem}")
