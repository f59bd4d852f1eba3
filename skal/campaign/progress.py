"""How far a campaign has come: what a checkpoint keeps."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Progress:
    """Everything that has happened in a campaign, without its rows and parameters.

    Attributes
    ----------
    seed : int
        Seed of the campaign.
    history : list of dict
        The records of the rounds.
    snapshots : list
        The models of the rounds, where they are kept.
    labeled, codes : ndarray of shape (n_labeled,)
        Positions of the labeled rows, in the order asked, and their classes.
    open : ndarray of shape (n_samples,), dtype bool
        Which rows may be asked for.
    extra : list of tuple (X, codes)
        Labeled rows from outside.
    waiting, waiting_scores : ndarray of shape (n_waiting,)
        Rows that have a label which no model has been trained on, and the strategy's scores.
    seconds_query : float
        How long the last choice took, in s.
    pseudo : dict or None
        The pseudo-labels of the last round: ``indices``, ``codes``, ``threshold``.
    criteria : list of StoppingCriterion
        With what they remember.
    models : tuple (model, estimator or None)
        The classifier that is trained in every round, and the model of the last round.
    """

    seed: int
    history: list
    snapshots: list
    labeled: np.ndarray
    codes: np.ndarray
    open: np.ndarray
    extra: list
    waiting: np.ndarray
    waiting_scores: np.ndarray
    seconds_query: float
    pseudo: dict | None
    criteria: list
    models: tuple
