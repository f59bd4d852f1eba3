"""The common form of all data sets."""

import numpy as np
from sklearn.utils import Bunch

__all__ = ["encode", "make_bunch"]


def make_bunch(
    names,
    classes=None,
    *,
    paths=None,
    groups=None,
    recordings=None,
    fold=None,
    split=None,
    start=None,
    end=None,
    **more,
):
    """Return a Bunch with integer targets."""
    target, target_names = encode(names, classes)
    return Bunch(
        paths=None if paths is None else _objects(paths),
        target=target,
        target_names=target_names,
        groups=None if groups is None else np.asarray(groups),
        recordings=None if recordings is None else np.asarray(recordings),
        fold=None if fold is None else np.asarray(fold, dtype=int),
        split=None if split is None else np.asarray(split),
        start=None if start is None else np.asarray(start, dtype=float),
        end=None if end is None else np.asarray(end, dtype=float),
        **more,
    )


def encode(names, classes=None):
    """Return integer targets (-1: not known) and the names of the classes."""
    if classes is None:
        classes = sorted({name for name in names if name is not None})
    position = {name: i for i, name in enumerate(classes)} | {None: -1}
    target = np.array([position[name] for name in names], dtype=int)
    return target, np.array(classes, dtype=str)


def _objects(items):
    out = np.empty(len(items), dtype=object)
    out[:] = [str(item) for item in items]
    return out
