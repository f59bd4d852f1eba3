"""Splits that keep recordings and groups together."""

import os
from numbers import Integral, Real

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import Bunch

from skal._utils.private import Interval, StrOptions, validate_params
from skal._utils.sound.windows import as_window

__all__ = ["find_shared", "on_both_sides", "recordings_of", "train_test_positions", "united"]


def recordings_of(data):
    """Return the recording of every clip, as numbers.

    Parameters
    ----------
    data : Bunch
        From a loader.

    Returns
    -------
    ndarray of int of shape (n_clips,)
        Windows of a file share a number, and so do links to a file, and files cut from the same
        recording according to the data set (``recordings``).

    See Also
    --------
    train_test_positions : Keeps recordings together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.utils import Bunch
    >>> from skal.datasets import recordings_of
    >>> paths = np.array(["a.wav#t=0,2", "a.wav#t=2,4", "b.wav#t=0,2"])
    >>> recordings_of(Bunch(paths=paths)).tolist()
    [0, 0, 1]
    """
    if data.paths is None:
        files = np.arange(len(data.target))
    else:
        files = _files_of([as_window(path).path for path in data.paths])
    return files if data.get("recordings") is None else united(files, data.recordings)


def _files_of(names):
    """Number files; all names of a file share a number."""
    numbers, found = {}, {}
    for name in sorted(set(names)):
        numbers[name] = found.setdefault(_identity(name), len(found))
    return np.array([numbers[name] for name in names], dtype=np.intp)


def _identity(path):
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return path
    # Some systems have no file numbers.
    return (status.st_dev, status.st_ino) if status.st_ino else path


def united(recordings, groups):
    """Number the units that stay together: groups, merged if they share a recording."""
    groups = np.unique(groups, return_inverse=True)[1]
    recordings = np.unique(recordings, return_inverse=True)[1]
    n_groups, n_recordings = groups.max() + 1, recordings.max() + 1
    n = n_groups + n_recordings
    edges = coo_array((np.ones(len(groups)), (groups, n_groups + recordings)), shape=(n, n))
    return connected_components(edges, directed=False)[1][groups]


def on_both_sides(values, *parts):
    """Return the values that are in more than one part of a split."""
    found, counts = np.unique(
        np.concatenate([np.unique(values[part]) for part in parts]), return_counts=True
    )
    return found[counts > 1]


def find_shared(parts, *, recordings, groups):
    """Name the recordings, or else groups, that are in two parts of a split; None if none are."""
    # An argument of None is not checked.
    for name, values in (("recordings", recordings), ("groups", groups)):
        shared = [] if values is None else on_both_sides(values, *parts)
        if len(shared):
            named = ", ".join(map(str, shared[:10])) + (", ..." if len(shared) > 10 else "")
            return f"{len(shared)} {name}" + (f" ({named})" if name == "groups" else "")
    return None


@validate_params(
    {
        "data": [Bunch],
        "by": [StrOptions({"official", "group", "recording"})],
        "test_fold": [Interval(Integral, 0, None, closed="left"), None],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def train_test_positions(data, by="official", *, test_fold=None, test_size=0.2, random_state=None):
    """Split a data set so that no recording and no group is on both sides.

    Parameters
    ----------
    data : Bunch
        From a loader.
    by : {"official", "group", "recording"}, default="official"
        The published split or folds; a random split of the groups (speakers, source recordings,
        places); or a random split of the recordings (windows of a file stay together).
    test_fold : int, default=None
        Official fold to test on; None: the last fold.
    test_size : float, default=0.2
        Share of the groups or recordings to test on, in random splits.
    random_state : int, RandomState or None
        Randomness of random splits.

    Returns
    -------
    train, test : ndarray of int
        Positions. An official validation part is in neither.

    Raises
    ------
    ValueError
        If the data set has no such split, or if a recording or a group would be on both sides.

    See Also
    --------
    recordings_of : The recordings that are kept together.
    sklearn.model_selection.GroupKFold : Takes the groups for a cross-validation.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.datasets import make_sounds, train_test_positions
    >>> sounds = make_sounds(100, 4, n_groups=10, random_state=0)
    >>> train, test = train_test_positions(sounds, by="group", test_size=0.3, random_state=0)
    >>> len(set(sounds.groups[test])), set(sounds.groups[train]) & set(sounds.groups[test])
    (3, set())
    """
    if by == "official":
        train, test = _official(data, test_fold)
    else:
        units = recordings_of(data) if by == "recording" else _grouped(data)
        if len(np.unique(units)) < 2:
            raise ValueError(f"a split by {by} needs at least 2 {by}s, not 1")
        splitter = GroupShuffleSplit(1, test_size=test_size, random_state=random_state)
        train, test = next(splitter.split(units, groups=units))
    _check_apart(data, train, test, by)
    return train, test


def _official(data, test_fold):
    if data.split is not None:
        return np.flatnonzero(data.split == "train"), np.flatnonzero(data.split == "test")
    if data.fold is None:
        raise ValueError("the data set has no official split: use by='group' or by='recording'")
    fold = data.fold.max() if test_fold is None else test_fold
    if fold not in data.fold:
        raise ValueError(f"there is no fold {fold}; there are {np.unique(data.fold).tolist()}")
    return np.flatnonzero(data.fold != fold), np.flatnonzero(data.fold == fold)


def _grouped(data):
    if data.groups is None:
        raise ValueError("the data set has no groups: use by='recording'")
    return united(recordings_of(data), data.groups)


def _check_apart(data, train, test, by):
    if len(train) == 0 or len(test) == 0:
        raise ValueError(f"split by {by}: {len(train)} clips to train on, {len(test)} to test on")
    groups = None if by == "recording" or data.get("groups_shared", False) else data.groups
    shared = find_shared((train, test), recordings=recordings_of(data), groups=groups)
    if shared is not None:
        raise ValueError(
            f"{shared} are on both sides of the split by {by}: by='recording' keeps recordings "
            "together, and by='group' groups as well"
        )
