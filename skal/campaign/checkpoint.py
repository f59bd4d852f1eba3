"""Checkpoints: a campaign on disk, always whole, from which `fit` goes on."""

import re
from pathlib import Path

import joblib
from sklearn.base import BaseEstimator

from skal._files import write_atomically
from skal._rows import n_rows

_NAME = "campaign.joblib"

# What may change between the runs of one campaign: how far it goes and how it reports.
_FREE = ("budget", "max_rounds", "verbose", "checkpoint", "stopping")


class Checkpoint:
    """The folder in which a campaign is kept.

    One file holds everything and is replaced atomically: whoever reads it, whenever the
    process was killed, finds the campaign as it was after some round, or after the answers
    of a round whose training was still to come.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    description : dict of str to str
        What the campaign is, from `describe`.
    """

    def __init__(self, folder, description):
        self.path = Path(folder) / _NAME
        self.description = description

    def save(self, rounds):
        """Write the campaign.

        Parameters
        ----------
        rounds : Rounds
            The campaign.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"description": self.description, "rounds": rounds.progress()}
        with write_atomically(self.path) as file:
            joblib.dump(content, file)

    def load_into(self, rounds):
        """Take a campaign up where it was left, if there is one.

        Parameters
        ----------
        rounds : Rounds
            The campaign at its beginning.

        Returns
        -------
        bool
            Whether there was one.

        Raises
        ------
        ValueError
            If the folder belongs to a campaign with other data or other parameters.
        """
        if not self.path.is_file():
            return False
        content = joblib.load(self.path)
        self._check_same(content["description"])
        rounds.resume(content["rounds"])
        return True

    def _check_same(self, found):
        differing = [
            f"{name} was {found.get(name)}, is {self.description.get(name)}"
            for name in sorted({*found, *self.description})
            if found.get(name) != self.description.get(name)
        ]
        if differing:
            raise ValueError(
                f"{self.path} belongs to another campaign ({'; '.join(differing)}). Give "
                "checkpoint= another folder, or remove this one to start again."
            )


def last_round(folder):
    """Read the last round of a campaign off its checkpoint.

    Parameters
    ----------
    folder : path-like
        The folder given as ``checkpoint``.

    Returns
    -------
    tuple (dict, estimator) or None
        Record and model of the last round; None where no round was saved.
    """
    path = Path(folder) / _NAME
    if not path.is_file():
        return None
    rounds = joblib.load(path)["rounds"]
    return (rounds["history"][-1], rounds["estimator"]) if rounds["history"] else None


def describe(campaign, state, known):
    """Describe what makes two campaigns the same one.

    Parameters
    ----------
    campaign : ActiveLearningClassifier
        Its parameters count, except how far it goes.
    state : CampaignState
        Its rows and labels count, before the first round.
    known : ndarray of shape (n_samples,), dtype bool
        Which labels the caller gave.

    Returns
    -------
    dict of str to str
    """
    parameters = campaign.get_params(deep=False)
    description = {name: _as_text(parameters[name]) for name in parameters if name not in _FREE}
    description["rows of X"] = str(n_rows(state.X))
    description["labels"] = joblib.hash((state.classes, known, state.codes[known]))
    return description


def _as_text(value):
    """Return all of an object's text, without the address where it is in this process."""
    if type(value).__repr__ is BaseEstimator.__repr__:
        text = value.__repr__(N_CHAR_MAX=float("inf"))  # else the middle of long ones is left out
    else:
        text = repr(value)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
