"""Predict a folder of recordings with a saved model, block by block, into a CSV table."""

import csv
import itertools
import lzma
import os
import pickle
import struct
import zlib
from typing import NamedTuple

import numpy as np

from skal._soundfiles import AudioReadError, iter_windows
from skal._windows import Window
from skal.audio import BrokenClipsError, FeatureCache
from skal.audio._base import AudioTransformer
from skal.datasets._files import audio_files, existing_folder
from skal.label.formats._cells import safe_cell, text_stream

__all__ = [
    "ModelError",
    "Prediction",
    "PredictionReport",
    "load_model",
    "predict_clips",
    "predict_folder",
]

# What joblib's files begin with: a pickle, or one compressed by zlib, gzip, bz2, lzma, xz, lz4.
_BEGINNINGS = (b"\x80", b"\x78", b"\x1f\x8b", b"BZ", b"\x5d\0", b"\xfd7zXZ", b"\x04\x22\x4d\x18")
# What unpickling raises on broken files, or where a class is not there.
_UNPICKLING = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError),
    *(TypeError, ValueError, OSError, MemoryError, RecursionError, struct.error),
    *(zlib.error, lzma.LZMAError),
)
_FIXED = ("path", "start", "end", "label", "probability", "problem")


class ModelError(ValueError):
    """A model cannot be loaded or does not take recordings; it says what to do."""


class Prediction(NamedTuple):
    """What a model says about a clip.

    Parameters
    ----------
    clip : Window
        The recording, or the part of it.
    label : object
        The likeliest of the model's classes; None where the clip could not be read.
    probabilities : ndarray of shape (n_classes,) or None
        Of each of ``model.classes_``.
    problem : str or None
        Why there is no prediction.
    """

    clip: Window
    label: object
    probabilities: np.ndarray | None
    problem: str | None


class PredictionReport(NamedTuple):
    """What predicting a folder came to.

    Parameters
    ----------
    n_clips : int
        Clips in the table.
    n_broken : int
        Those among them that could not be read.
    """

    n_clips: int
    n_broken: int


def load_model(path):
    """Load a classifier that a labeling project or ``skal run`` has saved.

    A model file is a Python pickle: **loading it runs the code that is in it**. Load only files
    that you trust.

    Parameters
    ----------
    path : path-like
        The file, such as ``recordings/.skal/models/round-0007.joblib``.

    Returns
    -------
    classifier
        A fitted scikit-learn classifier with ``predict_proba``, which takes file paths.

    Raises
    ------
    ModelError
        If the file cannot be read, is no model, or is not one of a classifier.
    """
    import joblib

    path = os.fspath(path)
    _check_beginning(path)
    try:
        model = joblib.load(path)
    except _UNPICKLING as error:
        raise ModelError(
            f"{path}: not a model of skal, or broken, or of other versions of its packages "
            f"({type(error).__name__}: {_one_line(error)})"
        ) from error
    lacking = [n for n in ("predict_proba", "classes_", "get_params") if not hasattr(model, n)]
    if lacking:
        raise ModelError(
            f"{path}: a {type(model).__name__}, not a fitted classifier (it has no "
            f"{lacking[0]}); name a model that skal label or skal run has saved"
        )
    return model


def _check_beginning(path):
    """Refuse what is no pickle before anything of it is run."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(6)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; name a model file") from error
    if not beginning.startswith(_BEGINNINGS):
        raise ModelError(f"{path}: not a model file; name one that skal label or skal run saved")


def predict_clips(model, clips, *, block=256):
    """Yield the prediction of each clip; broken ones end nothing.

    Parameters
    ----------
    model : classifier
        Takes paths and addresses such as ``x.wav#t=0,4``. If its features come from a
        `FeatureCache`, nothing is read from or written to that; if it sets broken recordings
        aside, it raises an error instead from now on.
    clips : iterable of Window, or of tuple (Window, str)
        The second with the reason why the clip cannot be read.
    block : int, default=256
        Clips that are in memory at a time.

    Yields
    ------
    Prediction
        In the order of the clips.

    Raises
    ------
    ModelError
        If the model refuses the whole first block, for another reason than broken files.
    """
    _read_files_only(getattr(model, "estimator_", model))
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


def _read_files_only(fitted):
    """Let a model read what it is given, and say so where it cannot."""
    for name, value in fitted.get_params(deep=True).items():
        if isinstance(value, FeatureCache):
            fitted.set_params(**{name: value.transformer})
            value = value.transformer
        if isinstance(value, AudioTransformer):
            value.on_error = "raise"


def _predicted(model, clips):
    """Return for each clip its probabilities, the reason why there are none, or an error."""
    results = [None] * len(clips)
    waiting = list(range(len(clips)))
    while waiting:
        try:
            rows = model.predict_proba([clips[i] for i in waiting])
        except BrokenClipsError as error:
            if not error.broken:
                raise
            for position, broken in error.broken.items():
                results[waiting[position]] = f"{broken.reason}; {broken.advice}"
            waiting = [i for i in waiting if results[i] is None]
        except (TypeError, ValueError) as error:
            if len(waiting) == 1:
                results[waiting[0]] = error
            else:
                # One clip of another length spoils a block; alone it spoils itself only.
                for i in waiting:
                    (results[i],) = _predicted(model, [clips[i]])
            waiting = []
        else:
            for i, row in zip(waiting, rows, strict=True):
                results[i] = row
            waiting = []
    return results


def _prediction(model, clip, result):
    if isinstance(result, np.ndarray):
        return Prediction(clip, model.classes_[result.argmax()], result, None)
    return Prediction(clip, None, None, _one_line(result))


def predict_folder(
    model, folder, stream, *, window=None, hop=None, block=256, on_broken=None, on_block=None
):
    """Write a CSV table with the predictions for all recordings in a folder.

    Its columns are ``path`` (below the folder), with `window` ``start`` and ``end`` (s),
    ``label``, ``probability``, one for each class, and ``problem``: a recording that cannot be
    read has the reason there and no label. A class named as one of these columns has "class "
    before its name. `read_labels` reads the table again.

    Parameters
    ----------
    model : classifier
        As from `load_model`.
    folder : path-like
        Where the recordings are, also in the folders below.
    stream : binary file object
        Where to; written to as it goes.
    window : float, default=None
        Predict windows of this length, in s. None: windows as people were asked about, where a
        project with windows has saved the model, and else whole recordings.
    hop : float, default=None
        From the start of one window to the next, in s; None is `window`.
    block : int, default=256
        Clips that are in memory at a time.
    on_broken : callable, default=None
        Called with the name of each broken recording and the reason.
    on_block : callable, default=None
        Called with the number of recordings that are done and of all, now and then.

    Returns
    -------
    PredictionReport

    Raises
    ------
    ModelError
        If the model does not take recordings.
    OSError
        If there is no such folder, or no recordings in it.
    ValueError
        If `window` or `hop` is not positive, or `hop` is given alone.
    """
    if (window is None and hop is not None) or not all(x is None or x > 0 for x in (window, hop)):
        raise ValueError("window and hop are positive, in s, and hop goes with window")
    folder = existing_folder(folder)
    if window is None:
        window, hop = getattr(model, "window_", (None, None))
    sounds, others = audio_files(folder)
    if not sounds:
        raise FileNotFoundError(
            f"no recordings in {str(folder)!r} ({len(others)} other files); they are known by "
            "their extensions, such as .wav, .flac or .mp3"
        )
    clips = _clips(sounds, window, hop, on_block)
    n_clips = n_broken = 0
    with text_stream(stream) as text:
        writer = csv.writer(text)
        writer.writerow(_header(model.classes_, window is not None))
        for found in predict_clips(model, clips, block=block):
            name = os.path.relpath(found.clip.path, folder)
            writer.writerow([safe_cell(name), *_cells(found, len(model.classes_), window)])
            n_clips += 1
            if found.problem is not None:
                n_broken += 1
                if on_broken is not None:
                    on_broken(name, found.problem)
    return PredictionReport(n_clips, n_broken)


def _clips(sounds, window, hop, on_block):
    """Yield the windows of files, or why there are none."""
    for n_done, path in enumerate(sounds, start=1):
        if window is None:
            yield Window(path)
        else:
            try:
                yield from iter_windows((path,), window, hop)
            except AudioReadError as error:
                yield Window(path), f"{error.reason}; {error.advice}"
        if on_block is not None:
            on_block(n_done, len(sounds))


def _header(classes, windows):
    span = ["start", "end"] if windows else []
    names = [f"class {c}" if str(c) in _FIXED else str(c) for c in classes]
    return ["path", *span, "label", "probability", *map(safe_cell, names), "problem"]


def _cells(found, n_classes, window):
    """Return the cells of a row after its path."""
    span = [found.clip.start, found.clip.end] if window is not None else []
    if found.problem is not None:
        return [*span, *[""] * (2 + n_classes), safe_cell(found.problem)]
    each = [f"{probability:.6f}" for probability in found.probabilities]
    best = f"{found.probabilities.max():.6f}"
    return [*span, safe_cell(str(found.label)), best, *each, ""]


def _one_line(error):
    return " ".join(str(error).split())
