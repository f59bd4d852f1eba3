"""Requirements for a transformer of recordings, from skal or any other package.

It takes a sequence of paths or window addresses, such as ``night.wav#t=60,64``, and returns one
row of numbers for each, as an array, a list, a sparse matrix, a frame, or a tensor. A row depends
on its clip only, not on other clips, labels, or ``fit``. Only ``transform(X)`` is required;
scikit-learn's Pipeline also needs ``fit``, which may do nothing. Optional are:

- ``get_params``, as in every estimator: each set of parameters has its own store. Without it, the
  parameters of ``__init__`` must be attributes of the same names, or ``fingerprint`` must differ;
- ``fingerprint()``, a string that changes if the same parameters give other rows, such as a
  checksum of weights;
- ``transform_readable(X)``, which returns the rows of the readable clips, and a dict of `Broken`
  by position; without it, a clip is broken if `transform` raises OSError, ValueError or
  RuntimeError for it;
- ``sets_aside``, True if `transform` returns rows of zeros for broken clips.
"""

import contextlib
import inspect

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags

from skal._utils.estimators.pipelines import parts_of
from skal._utils.sound.broken import Broken
from skal.audio._base import AudioTransformer
from skal.audio._inputs import clip_name

__all__ = ["as_worker", "parameters_of", "readable_rows", "takes_recordings"]

# Errors of reading and embedding a broken recording; soundfile's are RuntimeErrors.
_UNREADABLE = (OSError, ValueError, RuntimeError)
# Clips to try until one can be read.
_TRIED = 10


def readable_rows(transformer, X):
    """Compute the rows of the readable clips, and find the broken clips."""
    if hasattr(transformer, "transform_readable"):
        return transformer.transform_readable(X)
    parts, broken = [], {}
    _compute(transformer, list(X), 0, parts, broken)
    shapes = sorted({part.shape[1:] for part in parts})
    if len(shapes) > 1:
        raise TypeError(
            f"{type(transformer).__name__}.transform gives rows of different shapes, such as "
            f"{shapes[0]} and {shapes[1]}: pool them to one length for all clips"
        )
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
    rows = rows.toarray() if sparse.issparse(rows) else np.asarray(rows)
    is_right = rows.ndim >= 2 and len(rows) == n_clips and 0 not in rows.shape[1:]
    if not is_right or rows.dtype.kind not in "fiub":
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
        before = dict(vars(worker))
        worker = _fitted(worker, clips)
        if len(parts_of(worker)) > 1 or not _same_values(vars(worker), before):
            _refuse_learned(worker, clips)
    return worker


def _same_values(one, other):
    return set(one) == set(other) and all(one[name] is other[name] for name in one)


def _fitted(transformer, clips):
    """Fit on the first clip that can be read, if `fit` reads it."""
    for clip in clips[:_TRIED]:
        with contextlib.suppress(*_UNREADABLE):
            return transformer.fit([clip])
    return transformer.fit(list(clips[:1]))


def _refuse_learned(worker, clips):
    """Raise an error if a row depends on the clips that a transformer was fitted on."""
    if hasattr(worker, "__sklearn_tags__") and not get_tags(worker).requires_fit:
        return
    try:
        other = clone(worker).fit([clips[-1]])
        same = all(_row(other, clip) == _row(worker, clip) for clip in (clips[0], clips[-1]))
    except _UNREADABLE:
        return  # found again when the clip is computed
    if not same:
        name = type(worker).__name__
        raise TypeError(
            f"the rows of {name} depend on the clips that it was fitted on, so that they cannot "
            f"be computed once for all. Put a step that learns behind the embedding, or if only "
            f"chance differs, seed it"
        )


def _row(transformer, clip):
    return _checked(transformer, transformer.transform([clip]), 1).tobytes()


def parameters_of(transformer):
    """Return the parameters of a transformer, an estimator or not."""
    if hasattr(transformer, "get_params"):
        return transformer.get_params(deep=True)
    given, kept = inspect.signature(type(transformer)).parameters.values(), vars(transformer)
    taken = [one.name for one in given if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    lost = [name for name in taken if name not in kept]
    if lost and not hasattr(transformer, "fingerprint"):
        raise TypeError(
            f"{type(transformer).__name__} takes {lost[0]!r} but has no attribute of this name, "
            f"so rows of another {lost[0]!r} could be mistaken for its own: keep it as "
            f"self.{lost[0]}, or define fingerprint()"
        )
    return {name: kept[name] for name in taken if name in kept}
