"""How far a campaign has come: what a checkpoint keeps."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Progress:
    """Everything that has happened in a campaign, without its rows and parameters."""

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
