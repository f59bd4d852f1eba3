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

from skal._utils.sound.soundfiles import AudioReadError, iter_windows
from skal._utils.tables import safe_cell
from skal._utils.windows import Window
from skal.audio import BrokenClipsError, FeatureCache
from skal.audio._base import AudioTransformer
from skal.datasets._files import audio_files, existing_folder
from skal.label.formats.cells import text_stream

__all__ = [
    "ModelError",
    "Prediction",
    "PredictionReport",
    "load_model",
    "predict_clips",
    "predict_folder",
]

# First bytes of joblib's files: a pickle, plain or compressed by zlib, gzip, bz2, lzma, xz, lz4.
_BEGINNINGS = (b"\x80", b"\x78", b"\x1f\x8b", b"BZ", b"\x5d\0", b"\xfd7zXZ", b"\x04\x22\x4d\x18")
# Errors from unpickling broken files, or missing classes.
_UNPICKLING = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError),
    *(TypeError, ValueError, OSError, MemoryError, RecursionError, struct.error),
    *(zlib.error, lzma.LZMAError),
)
_FIXED = ("path", "start", "end", "label", "probability", "problem")


class ModelError(ValueError):
    """A model cannot be loaded, or does not take recordings; the message says what to do."""


class Prediction(NamedTuple):
    """The prediction for a clip.

    Parameters
    ----------
    clip : Window
        The recording, or the part of it.
    label : object
        The most probable class; None if the clip could not be read.
    probabilities : ndarray of shape (n_classes,) or None
        Probability of each of ``model.classes_``.
    problem : str or None
        Why there is no prediction.
    """

    clip: Window
    label: object
    probabilities: np.ndarray | None
    problem: str | None


class PredictionReport(NamedTuple):
    """Counts of a predicted folder.

    Parameters
    ----------
    n_clips : int
        Number of clips in the table.
    n_broken : int
        Number of clips that could not be read.
    """

    n_clips: int
    n_broken: int


def load_model(path):
    """Load a classifier that a labeling project or ``skal run`` saved.

    A model file is a Python pickle: **loading it runs the code in it**. Load only files that you
    trust.

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
        If the file cannot be read, or does not contain a classifier.
    """
    import joblib

    path = os.fspath(path)
    _check_beginning(path)
    try:
        model = joblib.load(path)
    except _UNPICKLING as error:
        raise ModelError(
            f"{path}: not a model of skal, or broken, or made with other versions of packages "
            f"({type(error).__name__}: {_one_line(error)})"
        ) from error
    lacking = [n for n in ("predict_proba", "classes_", "get_params") if not hasattr(model, n)]
    if lacking:
        raise ModelError(
            f"{path}: a {type(model).__name__}, not a fitted classifier (it has no "
            f"{lacking[0]}); name a model that skal label or skal run saved"
        )
    return model


def _check_beginning(path):
    """Refuse a file that is not a pickle, before any of its code runs."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(6)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; name a model file") from error
    if not beginning.startswith(_BEGINNINGS):
        raise ModelError(f"{path}: not a model file; name one that skal label or skal run saved")


def predict_clips(model, clips, *, block=256):
    """Yield the prediction of each clip; a broken clip has a problem instead.

    Parameters
    ----------
    model : classifier
        Takes paths and addresses such as ``x.wav#t=0,4``. A `FeatureCache` in it is replaced
        by its transformer, and from now on it raises an error for broken recordings.
    clips : iterable of Window, or of tuple (Window, str)
        A tuple has the reason why the clip cannot be read.
    block : int, default=256
        Number of clips in memory at a time.

    Yields
    ------
    Prediction
        In the order of the clips.

    Raises
    ------
    ModelError
        If the model refuses the whole first block for another reason than broken files.
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
    """Make a model read files itself, and raise for broken ones."""
    for name, value in fitted.get_params(deep=True).items():
        if isinstance(value, FeatureCache):
            fitted.set_params(**{name: value.transformer})
            value = value.transformer
        if isinstance(value, AudioTransformer):
            value.on_error = "raise"


def _predicted(model, clips):
    """Return for each clip its probabilities, the reason for a missing one, or an error."""
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


def _prediction(model, clip, result):
    if isinstance(result, np.ndarray):
        return Prediction(clip, model.classes_[result.argmax()], result, None)
    return Prediction(clip, None, None, _one_line(result))


def predict_folder(
    model, folder, stream, *, window=None, hop=None, block=256, on_broken=None, on_block=None
):
    """Write a CSV table with the predictions for all recordings in a folder.

    Its columns are ``path`` (below the folder), with `window` ``start`` and ``end`` (s),
    ``label``, ``probability``, one for each class, and ``problem``, with the reason why a
    recording could not be read. The column of a class named as one of these gets the prefix
    "class ". `read_labels` reads the table.

    Parameters
    ----------
    model : classifier
        As from `load_model`.
    folder : path-like
        Folder of the recordings, including its subfolders.
    stream : binary file object
        Stream to write to, block by block.
    window : float, default=None
        Predict windows of this length, in s. None: the windows of the project that saved the
        model, or else whole recordings.
    hop : float, default=None
        Distance between the starts of windows, in s. None: `window`.
    block : int, default=256
        Number of clips in memory at a time.
    on_broken : callable, default=None
        Called with the name of each broken recording and the reason.
    on_block : callable, default=None
        Called now and then with the number of finished recordings and of all.

    Returns
    -------
    PredictionReport

    Raises
    ------
    ModelError
        If the model does not take recordings.
    OSError
        If there is no such folder, or it has no recordings.
    ValueError
        If `window` or `hop` is not positive, or `hop` is given alone.
    """
    if (window is None and hop is not None) or not all(x is None or x > 0 for x in (window, hop)):
        raise ValueError("window and hop must be positive, in s, and hop goes with window")
    folder = existing_folder(folder)
    if window is None:
        window, hop = getattr(model, "window_", (None, None))
    sounds, others = audio_files(folder)
    if not sounds:
        raise FileNotFoundError(
            f"no recordings in {str(folder)!r} ({len(others)} other files); skal knows sound "
            "files by their extensions, such as .wav, .flac or .mp3"
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
    """Yield the windows of files, or a file with the reason why it has none."""
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
