"""Requirements for a transformer of recordings, from skal or any other package.

It takes a sequence of paths or window addresses, such as ``night.wav#t=60,64``, and returns one
row of numbers for each. A row depends on its clip only, not on other clips, labels, or ``fit``.
Only ``transform(X)`` is required; scikit-learn's Pipeline also needs ``fit``, which may do
nothing. Optional are:

- ``get_params``, as in every estimator: each set of parameters has its own store;
- ``fingerprint()``, a string that changes if the same parameters give other rows, such as a
  checksum of weights;
- ``transform_readable(X)``, which returns the rows of the readable clips, and a dict of `Broken`
  by position; without it, a clip is broken if `transform` raises OSError, ValueError or
  RuntimeError for it;
- ``sets_aside``, True if `transform` returns rows of zeros for broken clips.
"""

import inspect

import numpy as np
from sklearn.base import clone

from skal._utils.sound.broken import Broken
from skal.audio._base import AudioTransformer
from skal.audio._inputs import clip_name

__all__ = ["as_worker", "parameters_of", "readable_rows", "takes_recordings"]

# Errors of reading and embedding a broken recording; soundfile's are RuntimeErrors.
_UNREADABLE = (OSError, ValueError, RuntimeError)


def readable_rows(transformer, X):
    """Compute the rows of the readable clips, and find the broken clips."""
    if hasattr(transformer, "transform_readable"):
        return transformer.transform_readable(X)
    parts, broken = [], {}
    _compute(transformer, list(X), 0, parts, broken)
    return (np.concatenate(parts) if parts else None), dict(sorted(broken.items()))


def _compute(transformer, clips, start, parts, broken):
    """Transform clips; on an error, bisect them to find the broken ones."""
    try:
        rows = _checked(transformer, transformer.transform(clips), len(clips))
    except _UNREADABLE as error:
        if len(clips) == 1:
            reason = " ".join(str(error).split()) or type(error).__name__
            broken[start] = Broken(clip_name(clips[0]), reason, "repair or remove it")
            return
        half = len(clips) // 2
        _compute(transformer, clips[:half], start, parts, broken)
        _compute(transformer, clips[half:], start + half, parts, broken)
        return
    finite = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
    for i in np.flatnonzero(~finite):
        reason = "its features have NaN or infinite values"
        broken[start + int(i)] = Broken(clip_name(clips[i]), reason, "listen to it, or remove it")
    if finite.any():
        parts.append(rows[finite])


def _checked(transformer, rows, n_clips):
    rows = np.asarray(rows)
    if rows.ndim < 2 or len(rows) != n_clips or rows.dtype.kind not in "fiub":
        raise TypeError(
            f"{type(transformer).__name__}.transform must return a row of numbers for each of "
            f"{n_clips} clips, not an array of {rows.dtype} of shape {rows.shape}"
        )
    return rows.astype(np.float32, copy=False)


def takes_recordings(step, clips):
    """Return whether the first step of a Pipeline takes recordings, not their features."""
    # A transformer says so by its tags (``input_tags.string``); any other one is given a clip.
    if isinstance(step, AudioTransformer) or hasattr(step, "transform_readable"):
        return True
    tags = step.__sklearn_tags__() if hasattr(step, "__sklearn_tags__") else None
    if tags is not None and tags.input_tags.string:
        return True
    return any(_takes(step, clip) for clip in clips[:3])


def _takes(step, clip):
    try:
        worker = as_worker(step, [clip])
        _checked(worker, worker.transform([clip]), 1)
    except (*_UNREADABLE, TypeError, AttributeError):
        return False
    return True


def as_worker(transformer, clips):
    """Return a fitted clone of a transformer, or the transformer if it is not an estimator."""
    if not hasattr(transformer, "get_params"):
        return transformer
    worker = clone(transformer)
    if not isinstance(worker, AudioTransformer) and hasattr(worker, "fit"):
        worker.fit(list(clips[:1]))
    return worker


def parameters_of(transformer):
    """Return the parameters of a transformer, an estimator or not."""
    if hasattr(transformer, "get_params"):
        return transformer.get_params(deep=True)
    taken = inspect.signature(type(transformer)).parameters
    return {name: value for name, value in vars(transformer).items() if name in taken}
