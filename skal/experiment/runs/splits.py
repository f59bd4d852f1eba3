"""The split of an experiment; `skal.datasets.splits` has the public function."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from skal.datasets.splits import find_shared, united
from skal.experiment.messages import ParameterError

__all__ = ["Split", "split_data"]


@dataclass
class Split:
    """The rows of `Data` in each of three parts; `valid` may be empty."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def split_data(data, params, seed):
    """Hold out test data and, if asked for, validation data."""
    # No recording is in two parts. No group is either, unless the split is random or the published
    # parts share groups. An official split does not depend on the seed.
    kind = params.split or _first_possible(data)
    rng = np.random.RandomState(seed)
    rows, valid = np.arange(len(data.y)), np.empty(0, dtype=np.intp)
    units = _held_together(data, kind)
    if kind == "official":
        if data.part is None:
            raise ParameterError(
                "split", "the data set has no official split; use groups or random"
            )
        valid, test = rows[data.part == "validation"], rows[data.part == "test"]
        rest = np.setdiff1d(rows, np.concatenate([valid, test]))
    else:
        test, rest = _hold_out(data, units, rows, params.test_fraction, kind, rng)
    if params.validation_fraction > 0:
        if len(valid):
            raise ParameterError("validation_fraction", "the official split has its own; use 0")
        valid, rest = _hold_out(data, units, rest, params.validation_fraction, kind, rng)
    if len(test) == 0 or len(rest) == 0:
        raise ParameterError(
            "split", f"{kind} leaves {len(rest)} clips for training and {len(test)} for testing"
        )
    split = Split(train=rest, valid=valid, test=test)
    _check_apart(data, split, kind)
    return split


def _first_possible(data):
    if data.part is not None and (data.part == "test").any():
        return "official"
    return "random" if data.groups is None else "groups"


def _held_together(data, kind):
    """Number the units that stay together: recordings, or groups with their recordings."""
    recordings = np.arange(len(data.y)) if data.recordings is None else data.recordings
    if kind == "groups" and data.groups is None:
        raise ParameterError("split", "the data set has no groups; use official or random")
    by_chance = kind in ("random", "stratified")
    if by_chance or data.groups is None or (kind == "official" and data.groups_shared):
        return recordings
    return united(recordings, data.groups)


def _hold_out(data, units, rows, share, kind, rng):
    """Return held-out rows and the remaining rows."""
    units = units[rows]
    if kind == "groups":
        if len(np.unique(units)) < 2:
            raise ParameterError("split", "there is only one group; use random")
        splitter = GroupShuffleSplit(1, test_size=share, random_state=rng)
        try:
            rest, held = next(splitter.split(rows, groups=units))
        except ValueError as error:
            raise ParameterError("split", error) from error
    else:
        # Renumber in the order of the data, so that the draw does not depend on unit numbers.
        first = np.sort(np.unique(units, return_index=True)[1])
        order, n_held = rng.permutation(len(first)), max(1, round(share * len(first)))
        if kind == "stratified":
            # Equal steps through units sorted by class take a proportional share of each class,
            # within one unit, and n_held units in total, even with rare classes.
            order = order[np.argsort(data.y[rows[first]][order], kind="stable")]
            order = order[((np.arange(n_held) + rng.uniform()) * len(first) / n_held).astype(int)]
        mask = np.isin(units, units[first[order[:n_held]]])
        held, rest = np.flatnonzero(mask), np.flatnonzero(~mask)
    return rows[np.sort(held)], rows[np.sort(rest)]


def _check_apart(data, split, kind):
    parts = split.train, split.valid, split.test
    by_chance = kind in ("random", "stratified")
    groups = None if by_chance or data.groups_shared else data.groups
    shared = find_shared(parts, recordings=data.recordings, groups=groups)
    if shared is not None:
        raise ParameterError(
            "split",
            f"{kind} has {shared} in two of its parts; correct the table, or use groups or random",
        )
