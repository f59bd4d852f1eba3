"""FeatureCache: features computed once per recording and then read from disk."""

import contextlib
import hashlib
import os
import time
import warnings
from numbers import Integral
from pathlib import Path
from time import monotonic

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin

from skal._utils.files.atomic import write_atomically
from skal._utils.private import HasMethods, Interval, StrOptions
from skal.audio._base import AudioTransformer, warn_of_broken
from skal.audio._inputs import BrokenClipsError, clips_of
from skal.audio._keys import clip_keys, describe_transformer
from skal.audio._store import FeatureStore
from skal.audio.broken_report import FeatureReport, write_broken
from skal.audio.contract import as_worker, readable_rows

__all__ = ["FeatureCache", "build_features"]

# Scattered rows of more than this are gathered in a file, not in memory.
_IN_MEMORY = 2**28
# Number of such files that a store keeps; each may be as large as the pool.
_SELECTIONS = 4
# An interrupted run loses a block, and progress is told after each, so a block should take about
# this many seconds. A clip may take a millisecond, or minutes of a pretrained network.
_SECONDS, _FIRST_BLOCK = 30, 8


class FeatureCache(TransformerMixin, BaseEstimator):
    """A transformer that computes the features of each recording once.

    In a Pipeline it replaces the transformer that it wraps. Features are stored in one
    memory-mapped file for each set of parameters, so a pool may be larger than memory. Changed
    files and parameters are detected, interrupted runs continue, and several processes may share a
    store. Every row has a checksum: damaged rows are computed again, with a warning. A process
    checks a row once, and again after the files of the store have changed.

    Parameters
    ----------
    transformer : LogMelSpectrogram, MFCC, PretrainedEmbedding, or your own transformer
        Computes the features; `skal.audio.contract` lists its requirements.
    store : path-like, default="skal_features"
        Folder of the store.
    dtype : {"float32", "float16"}, default="float32"
        Type of the stored and returned numbers. Half precision halves the space, with an error of
        0.03 dB at 60 dB.
    key : {"time", "content"}, default="time"
        How recordings are identified: "time" by path, size, and modification time; "content" by
        their bytes (slower, because every file is read every time, but finds renamed files).
    block : int, default=1024
        Most clips to compute before writing them; fewer if they take long.

    See Also
    --------
    build_features : Computes all features in advance, and reports broken recordings.
    LogMelSpectrogram, MFCC, PretrainedEmbedding : What it wraps.

    Examples
    --------
    The second call reads what the first one computed:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import soundfile
    >>> from skal.audio import FeatureCache, LogMelSpectrogram
    >>> from skal.datasets import make_sounds
    >>> y = make_sounds(1, 1, random_state=0).data[0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "wren.wav"
    ...     soundfile.write(path, y, 8000)
    ...     cache = FeatureCache(LogMelSpectrogram(sr=8000, n_mels=40), Path(folder) / "features")
    ...     first = cache.transform([path]).copy()
    ...     second = cache.transform([path]).copy()
    >>> first.shape, bool((first == second).all())
    ((1, 40, 16, 1), True)

    The parameters of the transformer are those of a grid search:

    >>> cache = cache.set_params(transformer__n_mels=20, transformer__duration=1.0)
    >>> cache.transformer.feature_shape()
    (20, 16, 1)
    """

    _parameter_constraints = {
        "transformer": [HasMethods("transform")],
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
        """Check the parameters; nothing is learned, and no file is read.

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
        self._check()
        _paths(X)
        return self

    def transform(self, X):
        """Return the features of every clip, and compute those that are missing in the store.

        Parameters
        ----------
        X : sequence of paths or addresses
            Recordings.

        Returns
        -------
        ndarray of shape (n_clips, ...)
            A read-only memory map if possible or needed.

        Raises
        ------
        BrokenClipsError
            If clips cannot be read and the transformer has ``on_error="raise"``; the features of
            the other clips are stored.
        """
        rows, broken, _, store = self._bring_up_to_date(X, None)
        if broken and not self.sets_aside:
            can_set_aside = hasattr(self.transformer, "sets_aside")
            raise BrokenClipsError(broken) if can_set_aside else BrokenClipsError(broken, "")
        if broken and not self._has_shape(store):
            raise BrokenClipsError(broken, advice="")
        warn_of_broken(broken)
        if store.shape is None:
            return np.zeros((len(rows), *self.transformer.feature_shape()), dtype=self.dtype)
        return _gather(store, rows)

    def transform_readable(self, X):
        """Return the features of the readable clips, and report the broken clips.

        Parameters
        ----------
        X : sequence of paths or addresses
            Recordings.

        Returns
        -------
        features : ndarray or None
            As from `transform`, without rows for broken clips; None if all are broken.
        broken : dict of int to Broken
            Broken clips, by position in X. They are not remembered, so repaired files just work.
        """
        rows, broken, _, store = self._bring_up_to_date(X, None)
        if len(broken) == len(rows):
            return None, broken
        return _gather(store, rows[rows >= 0]), broken

    def transform_stored(self, X):
        """Return the features that are in the store already; compute nothing.

        Parameters
        ----------
        X : sequence of paths or addresses
            Recordings.

        Returns
        -------
        features : ndarray of shape (n_stored, ...)
            As from `transform`; of shape (0, 0) if there are none.
        positions : ndarray of int
            Their positions in X.
        """
        self._check()
        store = FeatureStore(self.store_folder(), self.dtype)
        rows = store.find(clip_keys(_paths(X), self.key))
        rows[store.damaged(rows)] = -1
        kept = np.flatnonzero(rows >= 0)
        if not len(kept):
            return np.zeros((0, 0), dtype=self.dtype), kept
        return _gather(store, rows[kept]), kept

    @property
    def sets_aside(self):
        """Return whether `transform` returns rows of zeros for broken clips."""
        return getattr(self.transformer, "sets_aside", False)

    def store_folder(self):
        """Return the folder of the store for these parameters.

        Returns
        -------
        pathlib.Path
        """
        described = describe_transformer(self.transformer, self.dtype, self.key)
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
        has_duration = getattr(self.transformer, "duration", None) is not None
        is_known = isinstance(self.transformer, AudioTransformer) and has_duration
        return store.shape is not None or is_known

    def _check(self):
        self._validate_params()
        if isinstance(self.transformer, AudioTransformer):
            self.transformer._check_parameters()

    def _bring_up_to_date(self, X, progress):
        """Compute missing rows; return rows, broken clips, new rows, and the store."""
        self._check()
        clips = _paths(X)
        folder = self.store_folder()
        store = FeatureStore(folder, self.dtype)
        keys = clip_keys(clips, self.key)
        missing = np.flatnonzero(store.find(keys) < 0)
        if len(missing) and not (folder / "parameters.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            described = describe_transformer(self.transformer, self.dtype, self.key)
            with write_atomically(folder / "parameters.json") as file:
                file.write(described.encode("utf-8", "surrogateescape"))
        broken = self._compute(store, clips, keys, missing, progress)
        rows = store.find(keys)
        lost = self._mend(store, clips, rows)
        rows[list(lost)] = -1
        return rows, broken | lost, len(missing) - len(broken), store

    def _mend(self, store, clips, rows):
        """Compute damaged rows again; return the clips that have become unreadable."""
        positions = np.flatnonzero(store.damaged(rows))
        if not len(positions):
            return {}
        warnings.warn(
            f"{len(positions)} of {len(rows)} features in {str(store.folder)!r} were damaged and "
            "are computed again: check the disk",
            stacklevel=3,
        )
        lost, worker = {}, as_worker(self.transformer, clips)
        for start in range(0, len(positions), self.block):
            part = positions[start : start + self.block]
            features, found = readable_rows(worker, [clips[i] for i in part])
            if features is not None:
                store.mend(rows[np.delete(part, list(found))], features)
            lost |= {int(part[i]): why for i, why in found.items()}
        return lost

    def _compute(self, store, clips, keys, missing, progress):
        broken, done = {}, len(clips) - len(missing)
        n_jobs = effective_n_jobs(getattr(self.transformer, "n_jobs", None))
        size = _FIRST_BLOCK
        if progress is not None and len(missing):
            progress(done, len(clips), 0)
        worker = as_worker(self.transformer, clips) if len(missing) else None
        while len(missing):
            began = monotonic()
            positions, missing = np.split(missing, [min(max(size, n_jobs), self.block)])
            features, found = readable_rows(worker, [clips[i] for i in positions])
            if features is not None:
                good = np.delete(positions, list(found))
                store.add([keys[i] for i in good], features)
            broken |= {int(positions[i]): why for i, why in found.items()}
            done += len(positions)
            if progress is not None:
                progress(done, len(clips), len(broken))
            size = _next_size(len(positions), monotonic() - began)
        return broken


def _next_size(n_clips, seconds):
    """Return the number of clips of the next block, from the last one and the time it took."""
    return max(1, min(4 * n_clips, int(n_clips * _SECONDS / max(seconds, 1e-3))))


def build_features(X, transformer, store, *, dtype="float32", key="time", progress=None):
    """Compute the features of recordings, and store them for `FeatureCache`.

    Parameters
    ----------
    X : sequence of paths or addresses
        Recordings.
    transformer : LogMelSpectrogram, MFCC, PretrainedEmbedding, or your own transformer
        What computes the features.
    store : path-like
        Folder of the store.
    dtype : {"float32", "float16"}, default="float32"
        Type of the stored numbers.
    key : {"time", "content"}, default="time"
        See `FeatureCache`.
    progress : callable, default=None
        Called as ``progress(n_done, n_clips, n_broken)`` after every block.

    Returns
    -------
    FeatureReport
        Counts, and the broken clips, which `broken.csv` in the store also lists.

    See Also
    --------
    FeatureCache : Reads the features in a Pipeline.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import soundfile
    >>> from skal.audio import LogMelSpectrogram, build_features
    >>> from skal.datasets import make_sounds
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [Path(folder) / f"{i}.wav" for i in range(3)]
    ...     for path, y in zip(paths, make_sounds(3, 2, random_state=0).data, strict=True):
    ...         soundfile.write(path, y, 8000)
    ...     store = Path(folder) / "features"
    ...     features = LogMelSpectrogram(sr=8000, on_error="warn")
    ...     report = build_features([*paths, "missing.wav"], features, store)
    >>> report.n_clips, report.n_computed, report.shape
    (4, 3, (60, 16, 1))
    >>> print(report.broken[3])
    'missing.wav': no such file. What to do: check the name and the folder.
    """
    cache = FeatureCache(transformer, store, dtype=dtype, key=key)
    rows, broken, n_computed, opened = cache._bring_up_to_date(X, progress)
    folder = cache.store_folder()
    write_broken(broken, folder / "broken.csv")
    return FeatureReport(str(folder), len(rows), n_computed, broken, opened.shape)


def _paths(X):
    clips = clips_of(X)
    if clips is None or any(isinstance(clip, np.ndarray) for clip in clips):
        raise TypeError(
            "FeatureCache identifies recordings by their files, so X must be a sequence of "
            "paths. For waveforms use the transformer itself"
        )
    return clips


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
    """Copy rows in a given order to a file, once for each order."""
    name = hashlib.blake2b(rows.tobytes(), digest_size=8).hexdigest()
    path = store.folder / f"selection-{name}.npy"
    _remove_selections(store.folder, path)
    if not _is_whole(store, path, rows):
        temporary = store.folder / f"selection-{name}.{os.getpid()}.tmp"
        shape = (len(rows), *store.shape)
        out = np.lib.format.open_memmap(temporary, "w+", store.dtype, shape)
        for start in range(0, len(rows), 1024):
            part = rows[start : start + 1024]
            out[start : start + len(part)][part >= 0] = features[part[part >= 0]]
        out.flush()
        del out
        os.replace(temporary, path)
    with contextlib.suppress(OSError):  # the store may be read-only for this user
        # Keep the modification time: it tells the store that it has checked this file.
        os.utime(path, ns=(time.time_ns(), os.stat(path).st_mtime_ns))
    return np.load(path, mmap_mode="r")


def _is_whole(store, path, rows):
    try:
        return not store.damaged(rows, path).any()
    except FileNotFoundError:
        return False
    except (ValueError, IndexError):  # its header is damaged
        return False


def _remove_selections(folder, wanted):
    """Remove all but the latest selections: a campaign's pool changes every round."""
    # Processes that have mapped a removed file keep it; systems that forbid removal keep the file.
    others = [path for path in folder.glob("selection-*") if path != wanted]
    with contextlib.suppress(OSError):
        others.sort(key=os.path.getatime)
        for path in others[: max(0, len(others) + 1 - _SELECTIONS)]:
            path.unlink()
