"""Features that are computed once for every recording and then read from disk."""

import csv
import hashlib
import io
import json
import os
import stat
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils._param_validation import Interval, StrOptions

from skal._windows import as_window
from skal.audio._base import AudioTransformer, warn_of_failures
from skal.audio._clips import BrokenClipsError, clips_of
from skal.audio._store import KEY_BYTES, FeatureStore, write_atomically

__all__ = ["FeatureCache", "FeatureReport", "build_features", "write_report"]

# Parameters that do not change the values: changing them must not throw the store away.
_NO_VALUE = {"n_jobs", "on_error"}
# Raised when the same parameters come to give other values.
_VERSION = 1
# Larger results that do not lie in one piece are gathered in a file, not in memory.
_IN_MEMORY = 2**28


class FeatureReport(NamedTuple):
    """What building a store of features came to.

    Parameters
    ----------
    store : str
        Folder of the store.
    n_clips : int
        Clips asked for.
    n_computed : int
        Clips whose features were computed now; the others were there.
    failures : list of FailedClip
        Clips that could not be read, with reason and advice.
    shape : tuple of int or None
        Shape of the features of one clip; None if there are none.
    """

    store: str
    n_clips: int
    n_computed: int
    failures: list
    shape: tuple | None


class FeatureCache(TransformerMixin, BaseEstimator):
    """A transformer that computes the features of each recording once.

    In a Pipeline it takes the place of the transformer that it is given. Features lie in a
    folder of the store for these parameters, in one file that is mapped into memory: a pool may
    be larger than memory. A changed file or parameter is noticed; computing goes on where an
    interrupted run stopped; several processes may use one store.

    Parameters
    ----------
    transformer : LogMelSpectrogram or MFCC
        What computes the features.
    store : path-like, default="skal_features"
        Folder of the store.
    dtype : {"float32", "float16"}, default="float32"
        Of the numbers on disk and of the result. Half precision takes half the space and is
        good to 0.03 dB at 60 dB.
    key : {"time", "content"}, default="time"
        How a recording is known: by path, size and time of the last change, or by what is in it
        (slower: every file is read every time; renamed files are found again).
    block : int, default=1024
        Clips that are computed before they are written.

    Attributes
    ----------
    failed_ : ndarray of int
        If the transformer has ``on_error="warn"``: positions of the clips that the last
        `transform` set aside. Their rows are zeros and not kept: mended files just work.
    failures_ : list of FailedClip
        The same with reason and advice.

    Examples
    --------
    >>> from skal.audio import FeatureCache, LogMelSpectrogram
    >>> cache = FeatureCache(LogMelSpectrogram(duration=1.0), "features")
    >>> cache.set_params(transformer__n_mels=40).transformer.feature_shape()
    (40, 44, 1)
    """

    _parameter_constraints = {
        "transformer": [AudioTransformer],
        "store": [str, os.PathLike],
        "dtype": [StrOptions({"float32", "float16"})],
        "key": [StrOptions({"time", "content"})],
        "block": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, transformer, store="skal_features", *, dtype="float32", key="time", block=1024
    ):
        self.transformer = transformer
        self.store = store
        self.dtype = dtype
        self.key = key
        self.block = block

    def fit(self, X, y=None):
        """Check the parameters; nothing is learned and no file read.

        Parameters
        ----------
        X : sequence of paths or addresses
            Recordings.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self._validate_params()
        self.transformer._check_parameters()
        _paths(X)
        return self

    def transform(self, X):
        """Return the features of every clip, computing those that are not in the store.

        Parameters
        ----------
        X : sequence of paths or addresses
            Recordings.

        Returns
        -------
        ndarray of shape (n_clips, ...)
            A read-only memory map where that is possible or needed.

        Raises
        ------
        BrokenClipsError
            If clips cannot be read and the transformer has ``on_error="raise"``; all others
            are in the store then.
        """
        rows, failures, _, store = self._bring_up_to_date(X, None)
        if failures and (self.transformer.on_error == "raise" or not self._has_shape(store)):
            raise BrokenClipsError(failures)
        if self.transformer.on_error == "warn":
            self.failures_ = failures
            self.failed_ = np.array([failure.position for failure in failures], dtype=np.intp)
            warn_of_failures(failures)
        if store.shape is None:
            return np.zeros((len(rows), *self.transformer.feature_shape()), dtype=self.dtype)
        return _gather(store, rows)

    def store_folder(self):
        """Return the folder of the store for these parameters.

        Returns
        -------
        pathlib.Path
        """
        described = _description(self.transformer, self.dtype, self.key)
        name = type(self.transformer).__name__.lower()
        digest = hashlib.blake2b(described.encode(), digest_size=8).hexdigest()
        return Path(self.store) / f"{name}-{digest}"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _has_shape(self, store):
        return store.shape is not None or self.transformer.duration is not None

    def _bring_up_to_date(self, X, progress):
        """Compute what is missing; return rows in the store, failures, new rows, the store."""
        self._validate_params()
        self.transformer._check_parameters()
        clips = _paths(X)
        folder = self.store_folder()
        store = FeatureStore(folder, self.dtype)
        keys = _keys(clips, self.key)
        missing = np.flatnonzero(store.find(keys) < 0)
        if len(missing) and not (folder / "parameters.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            described = _description(self.transformer, self.dtype, self.key)
            write_atomically(folder / "parameters.json", described)
        failures = self._compute(store, clips, keys, missing, progress)
        return store.find(keys), failures, len(missing) - len(failures), store

    def _compute(self, store, clips, keys, missing, progress):
        failures, done = [], len(clips) - len(missing)
        worker = clone(self.transformer)
        for start in range(0, len(missing), self.block):
            positions = missing[start : start + self.block]
            features, failed = worker.compute([clips[i] for i in positions])
            good = np.setdiff1d(np.arange(len(positions)), [f.position for f in failed])
            if len(good):
                store.add([keys[positions[i]] for i in good], features[good])
            failures += [f._replace(position=int(positions[f.position])) for f in failed]
            done += len(positions)
            if progress is not None:
                progress(done, len(clips), len(failures))
        return failures


def build_features(X, transformer, store, *, dtype="float32", key="time", progress=None):
    """Compute the features of recordings into a store, for `FeatureCache` to find.

    Parameters
    ----------
    X : sequence of paths or addresses
        Recordings.
    transformer : LogMelSpectrogram or MFCC
        What computes the features.
    store : path-like
        Folder of the store.
    dtype : {"float32", "float16"}, default="float32"
        Of the numbers on disk.
    key : {"time", "content"}, default="time"
        See `FeatureCache`.
    progress : callable, default=None
        Called as ``progress(n_done, n_clips, n_failed)`` after every block.

    Returns
    -------
    FeatureReport
        Also what failed, which ends nothing; `failures.csv` in the store lists it.
    """
    cache = FeatureCache(transformer, store, dtype=dtype, key=key)
    rows, failures, n_computed, opened = cache._bring_up_to_date(X, progress)
    folder = cache.store_folder()
    write_report(failures, folder / "failures.csv")
    return FeatureReport(str(folder), len(rows), n_computed, failures, opened.shape)


def write_report(failures, path):
    """Write what failed as a CSV file that spreadsheets open.

    Parameters
    ----------
    failures : list of FailedClip
        As in ``failures_`` of a transformer.
    path : path-like
        The file; written whole or not at all.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["position", "clip", "reason", "advice"])
    writer.writerows(failures)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.getvalue())


def _paths(X):
    clips = clips_of(X)
    if clips is None or any(isinstance(clip, np.ndarray) for clip in clips):
        raise TypeError(
            "FeatureCache knows recordings by their files: X must be a sequence of paths. For "
            "waveforms use the transformer itself"
        )
    return clips


def _description(transformer, dtype, key):
    parameters = {
        name: value
        for name, value in transformer.get_params(deep=True).items()
        if name not in _NO_VALUE and not isinstance(value, BaseEstimator)
    }
    described = {
        "transformer": type(transformer).__name__,
        "version": _VERSION,
        "dtype": str(dtype),
        "key": key,
        "parameters": parameters,
    }
    return json.dumps(described, sort_keys=True, indent=1, default=_plain_number)


def _plain_number(value):
    return value.item() if isinstance(value, np.generic) else repr(value)


def _keys(clips, kind):
    """Return 16 bytes for every clip that change when its file does."""
    files, here = {}, os.getcwd()
    texts = []
    for clip in clips:
        part = ""
        # Pools have a hundred thousand plain paths; the few others take the longer way.
        if type(clip) is not str or "#t=" in clip:
            try:
                window = as_window(clip)
            except (TypeError, ValueError):
                # Reading it says what is wrong with it.
                texts.append(repr(clip))
                continue
            clip, part = window.path, f"|{window.start}|{window.end}"
        if clip not in files:
            files[clip] = _file_key(os.path.join(here, clip), kind)
        texts.append(files[clip] + part)
    return [
        hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=KEY_BYTES).digest()
        for text in texts
    ]


def _file_key(path, kind):
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return f"missing|{path}"
    if kind == "time" or not stat.S_ISREG(status.st_mode):
        return f"{path}|{status.st_size}|{status.st_mtime_ns}"
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:
        return f"unreadable|{path}"


def _gather(store, rows):
    features = store.map()
    if len(rows) and (rows >= 0).all():
        first = rows[0]
        if np.array_equal(rows, np.arange(first, first + len(rows))):
            return features[first : first + len(rows)]
    size = len(rows) * int(np.prod(store.shape)) * store.dtype.itemsize
    if size <= _IN_MEMORY:
        out = np.zeros((len(rows), *store.shape), dtype=store.dtype)
        out[rows >= 0] = features[rows[rows >= 0]]
        return out
    return _gather_on_disk(store, features, rows)


def _gather_on_disk(store, features, rows):
    """Copy rows in their order into a file of its own, once for each order."""
    name = hashlib.blake2b(rows.tobytes(), digest_size=8).hexdigest()
    path = store.folder / f"selection-{name}.npy"
    if not path.exists():
        temporary = store.folder / f"selection-{name}.{os.getpid()}.tmp"
        shape = (len(rows), *store.shape)
        out = np.lib.format.open_memmap(temporary, "w+", store.dtype, shape)
        for start in range(0, len(rows), 1024):
            part = rows[start : start + 1024]
            out[start : start + len(part)][part >= 0] = features[part[part >= 0]]
        out.flush()
        del out
        os.replace(temporary, path)
    return np.load(path, mmap_mode="r")
