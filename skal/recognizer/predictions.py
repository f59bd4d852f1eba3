"""Predictions of clips, block by block, with a reason for each clip that cannot be read."""

import itertools
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from skal._utils.saved_models import ModelError
from skal._utils.windows import Window
from skal.audio import BrokenClipsError, FeatureCache
from skal.audio._base import AudioTransformer

__all__ = ["Prediction", "predict_blocks", "read_files_only"]


class Prediction(NamedTuple):
    """The prediction for a clip.

    Parameters
    ----------
    clip : Window
        The recording, or the part of it.
    label : object
        The most probable class; None if the clip could not be read.
    probabilities : ndarray of shape (n_classes,) or None
        Probability of each of ``classes_``.
    problem : str or None
        Why there is no prediction.
    """

    clip: Window
    label: object
    probabilities: np.ndarray | None
    problem: str | None


def read_files_only(model):
    """Make a model read files itself, not from a store, and raise for broken ones."""
    fitted = getattr(model, "estimator_", model)  # a campaign predicts with this one
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
        results = _predicted(model, [str(clip) for clip in good])
        if first and results and all(isinstance(result, Exception) for result in results):
            raise ModelError(f"the model does not take these recordings: {_one_line(results[0])}")
        first = first and not results
        waiting = iter(results)
        for clip in part:
            if isinstance(clip, Window):
                yield _prediction(model, clip, next(waiting))
            else:
                yield Prediction(clip[0], None, None, clip[1])


def _predicted(model, clips):
    """Return for each clip its probabilities, the reason for a missing one, or an error."""
    results = [None] * len(clips)
    waiting = list(range(len(clips)))
    if isinstance(model, Pipeline) and isinstance(model[0], AudioTransformer) and clips:
        try:
            return _predicted_once(model, clips)
        except (OSError, RuntimeError, TypeError, ValueError):
            pass  # such as clips of different lengths: the way below finds out which
    while waiting:
        try:
            rows = model.predict_proba([clips[i] for i in waiting])
        except BrokenClipsError as error:
            if not error.broken:
                raise
            for position, broken in error.broken.items():
                results[waiting[position]] = broken.in_short
            waiting = [i for i in waiting if results[i] is None]
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            if len(waiting) == 1:
                results[waiting[0]] = error
            else:
                # One clip of another length fails a whole block; alone it fails only itself.
                for i in waiting:
                    (results[i],) = _predicted(model, [clips[i]])
            waiting = []
        else:
            for i, row in zip(waiting, rows, strict=True):
                results[i] = row
            waiting = []
    return results


def _predicted_once(model, clips):
    """Predict the clips that can be read, and read each once."""
    rows, broken = model[0].transform_readable(clips)
    found = iter(() if rows is None else model[1:].predict_proba(rows))
    return [broken[i].in_short if i in broken else next(found) for i in range(len(clips))]


def _prediction(model, clip, result):
    if isinstance(result, np.ndarray):
        return Prediction(clip, model.classes_[result.argmax()], result, None)
    return Prediction(clip, None, None, _one_line(result))


def _one_line(error):
    return " ".join(str(error).split())
