"""Errors of an experiment: one line that names the key and what to do."""

import difflib

__all__ = ["ExperimentError", "FolderBusyError", "Interrupted", "ParameterError", "did_you_mean"]


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


def did_you_mean(word, choices):
    """Return a hint such as "did you mean 'margin'? Allowed: entropy, margin, random"."""
    choices = sorted(choices)
    # At a cutoff of 0.5, "nope" would suggest "entropy".
    near = difflib.get_close_matches(str(word).lower(), choices, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}{'A' if near else 'a'}llowed: {', '.join(choices)}"
