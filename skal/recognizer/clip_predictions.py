"""Predictions of clips, block by block, with a reason for each unreadable clip."""

import itertools
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from skal._utils.files.saved_models import ModelError
from skal._utils.sound.windows import Window
from skal.audio import BrokenClipsError, FeatureCache
from skal.audio._base import AudioTransformer

__all__ = ["Prediction", "predict_blocks", "read_files_only"]


class Prediction(NamedTuple):
    """The prediction for a clip."""

    clip: Window  # the recording, or a part of it
    label: object  # the most probable class; None if the clip could not be read
    probabilities: np.ndarray | None  # probability of each of ``classes_``
    problem: str | None  # why there is no prediction


def read_files_only(model):
    """Make a model read files itself instead of a store, and raise an error for broken files."""
    fitted = getattr(model, "estimator_", model)  # campaigns predict with this attribute
    for name, value in fitted.get_params(deep=True).items():
        if isinstance(value, FeatureCache):
            fitted.set_params(**{name: value.transformer})
            value = value.transformer
        if isinstance(value, AudioTransformer):
            value.on_error = "raise"


def predict_blocks(model, clips, block):
    """Yield the prediction of each clip; see `Recognizer.predict_clips`."""
    clips = iter(clips)
    first = True
    while part := list(itertools.islice(clips, block)):
        good = [clip for clip in part if isinstance(clip, Window)]
        results = _predict(model, [str(clip) for clip in good])
        if first and results and all(result.is_refused for result in results):
            raise ModelError(f"the model does not take these recordings: {results[0].problem}")
        first = first and not results
        waiting = iter(results)
        for clip in part:
            if isinstance(clip, Window):
                yield _as_prediction(model, clip, next(waiting))
            else:
                yield Prediction(clip[0], None, None, clip[1])


class _Result(NamedTuple):
    """Probabilities of a clip, or why there are none."""

    probabilities: np.ndarray | None = None
    problem: str | None = None
    is_refused: bool = False


def _predict(model, clips):
    """Return a result for each clip."""
    results = [None] * len(clips)
    waiting = list(range(len(clips)))
    if isinstance(model, Pipeline) and isinstance(model[0], AudioTransformer) and clips:
        try:
            return _predict_once(model, clips)
        except (OSError, RuntimeError, TypeError, ValueError):
            pass  # for example, clips differ in length; find the bad ones below
    while waiting:
        try:
            rows = model.predict_proba([clips[i] for i in waiting])
        except BrokenClipsError as error:
            if not error.broken:
                raise
            for position, broken in error.broken.items():
                results[waiting[position]] = _Result(problem=_one_line(broken.in_short))
            waiting = [i for i in waiting if results[i] is None]
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            if len(waiting) == 1:
                results[waiting[0]] = _Result(problem=_one_line(error), is_refused=True)
            else:
                # A single clip of another length makes a whole block fail, so predict the clips
                # one by one.
                for i in waiting:
                    (results[i],) = _predict(model, [clips[i]])
            waiting = []
        else:
            for i, row in zip(waiting, rows, strict=True):
                results[i] = _Result(row)
            waiting = []
    return results


def _predict_once(model, clips):
    """Predict the readable clips, and read each clip once."""
    rows, broken = model[0].transform_readable(clips)
    found = iter(() if rows is None else model[1:].predict_proba(rows))
    return [
        _Result(problem=_one_line(broken[i].in_short)) if i in broken else _Result(next(found))
        for i in range(len(clips))
    ]


def _as_prediction(model, clip, result):
    if result.problem is not None:
        return Prediction(clip, None, None, result.problem)
    row = result.probabilities
    return Prediction(clip, model.classes_[row.argmax()], row, None)


def _one_line(text):
    return " ".join(str(text).split())
