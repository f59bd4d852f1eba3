"""The data of an experiment: load, hold out test data, compute features once."""

import inspect
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from skal.audio import BrokenClipsError, FeatureCache
from skal.datasets import DatasetWarning
from skal.datasets._files import passed_over
from skal.datasets.splits import on_both_sides, recordings_of, united
from skal.experiment.components import check_arguments, find_component
from skal.experiment.messages import ExperimentError, ParameterError

__all__ = ["Data", "Split", "compute_features", "load_data", "set_aside", "split_data"]

# Clips per call of the transformer, between two steps of the progress bar.
_BLOCK = 512


@dataclass
class Data:
    """The recordings that take part, and their labels.

    Attributes
    ----------
    clips : sequence of length n_clips
        File paths, or waveforms.
    files : ndarray of shape (n_clips,)
        What to call each clip in a list.
    y : ndarray of shape (n_clips,)
        Class names.
    groups : ndarray of shape (n_clips,) or None
        Recording, speaker or place.
    part : ndarray of shape (n_clips,) or None
        Published part: "train", "validation" or "test".
    positions : ndarray of shape (n_clips,)
        Position of each clip in the data set as loaded.
    sr : int or None
        Sampling rate of waveforms, in Hz.
    recordings : ndarray of shape (n_clips,) or None
        Recording that each clip is from; None: each is one.
    groups_shared : bool
        The published parts have groups in common, and say so.
    notes : list of str
        A line for each recording that was set aside before.
    """

    clips: object
    files: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None
    part: np.ndarray | None
    positions: np.ndarray
    sr: int | None = None
    recordings: np.ndarray | None = None
    groups_shared: bool = False
    notes: list = field(default_factory=list)

    def take(self, rows):
        """Return some of the clips.

        Parameters
        ----------
        rows : ndarray of int
            Which.

        Returns
        -------
        Data
        """
        return Data(
            clips=self.clips[rows],
            files=self.files[rows],
            y=self.y[rows],
            groups=None if self.groups is None else self.groups[rows],
            part=None if self.part is None else self.part[rows],
            positions=self.positions[rows],
            sr=self.sr,
            recordings=None if self.recordings is None else self.recordings[rows],
            groups_shared=self.groups_shared,
            notes=self.notes,
        )


@dataclass
class Split:
    """The rows of the three parts.

    Attributes
    ----------
    train, valid, test : ndarray of int
        Rows of a `Data`; `valid` may be empty.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def load_data(params, *, labeled_only=True):
    """Load the data set that the parameters name, and draw the clips that take part.

    Parameters
    ----------
    params : Params
        Complete parameters.
    labeled_only : bool, default=True
        Leave out clips whose class is not known.

    Returns
    -------
    Data

    Raises
    ------
    ParameterError
        If there is no such data set, or its parameters or classes do not fit.
    """
    name, key = dataset_name(params)
    loader = find_component("dataset", name, key)
    arguments = {} if params.dataset is None else params.dataset.params
    check_arguments(loader, arguments, "dataset")
    arguments |= _home(loader, name, params)
    if "random_state" in inspect.signature(loader).parameters:
        # Data that are made must be the same ones when a run goes on.
        arguments.setdefault("random_state", 0)
    if arguments.get("window") is not None:
        # To be cut into windows recordings are opened: one that is broken must not end it all.
        arguments.setdefault("on_error", "warn")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)  # the notes say the same
            bunch = loader(**arguments)
    except (ValueError, TypeError, OSError) as error:
        raise ParameterError("dataset", error) from error
    data = _from_bunch(bunch, labeled_only)
    n_classes = len(np.unique(data.y))
    if params.num_classes not in (None, n_classes):
        raise ParameterError(
            "num_classes", f"{params.num_classes} were expected, but the data have {n_classes}"
        )
    if params.num_total is not None and params.num_total < len(data.y):
        # Not drawn with the seed of the run: all seeds are to see the same data.
        order = np.random.RandomState(0).permutation(len(data.y))
        data = data.take(np.sort(order[: params.num_total]))
    return data


def dataset_name(params):
    """Return the name of the data set, and the key that gives it.

    Parameters
    ----------
    params : Params
        Complete parameters.

    Returns
    -------
    name : str
        The name.
    key : str
        The key.
    """
    if params.dataset is not None and params.dataset.name is not None:
        return params.dataset.name, "dataset"
    if params.sub_dir is not None:
        return params.sub_dir, "dataset (named by sub_dir, as none is given)"
    return "sounds", "dataset"


def _home(loader, name, params):
    """Return the argument that tells a loader where the recordings are."""
    wants = [key for key in ("data_home", "path") if key in inspect.signature(loader).parameters]
    if not wants and params.data_home is not None:
        raise ParameterError("data_home", f"the data set {name} needs no folder; leave it out")
    if wants and params.data_home is None:
        raise ParameterError(
            "data_home", f"say where the recordings of {name} are: --data-home FOLDER"
        )
    return {wants[0]: params.data_home} if wants else {}


def _from_bunch(bunch, labeled_only):
    target = np.asarray(bunch.target)
    paths = bunch.get("paths")
    clips = bunch["data"] if paths is None else paths
    part, fold = bunch.get("split"), bunch.get("fold")
    if part is None and fold is not None:
        # Where there are official folds, the last one is held out.
        part = np.where(np.asarray(fold) == np.max(fold), "test", "train")
    if paths is None:
        files = np.array([f"clip {i}" for i in range(len(clips))], dtype=object)
    else:
        files = np.array([str(path) for path in paths], dtype=object)
    data = Data(
        clips=clips,
        files=files,
        y=np.append(bunch.target_names, "")[target],  # -1, not known, is the last one
        groups=bunch.get("groups"),
        part=part,
        positions=np.arange(len(clips)),
        sr=bunch.get("sr") if paths is None else None,
        recordings=recordings_of(bunch),
        groups_shared=bunch.get("groups_shared", False),
        notes=[*_passed_over(bunch), *(set_aside(*p) for p in bunch.get("problems", ()))],
    )
    return data.take(np.flatnonzero(target >= 0)) if labeled_only else data


def _passed_over(bunch):
    line = passed_over(bunch.get("passed_over", {}))
    return [] if line is None else [line]


def set_aside(where, reason, advice):
    """Return the line of a log for what takes no part.

    Parameters
    ----------
    where : str
        The recording, or the row of a table.
    reason : str
        What is wrong with it.
    advice : str
        What to do about it.

    Returns
    -------
    str
    """
    return f"set aside {where}: {reason}. What to do: {advice}."


def split_data(data, params, seed):
    """Hold out test data and, if asked for, validation data.

    No recording is in two of the parts, and no group either unless the split is by chance or
    the published one shares them.

    Parameters
    ----------
    data : Data
        The clips.
    params : Params
        Complete parameters.
    seed : int
        Seed of the run; the official split does not depend on it.

    Returns
    -------
    Split

    Raises
    ------
    ParameterError
        If the data do not allow the split, or a part would be empty.
    """
    kind = params.split or _first_possible(data)
    rng = np.random.RandomState(seed)
    rows, valid = np.arange(len(data.y)), np.empty(0, dtype=np.intp)
    units = _held_together(data, kind)
    if kind == "official":
        if data.part is None:
            raise ParameterError("split", "these data have no official one; use groups or random")
        valid, test = rows[data.part == "validation"], rows[data.part == "test"]
        rest = np.setdiff1d(rows, np.concatenate([valid, test]))
    else:
        test, rest = _hold_out(units, rows, params.test_percent, kind, rng)
    if params.valid_percent > 0:
        if len(valid):
            raise ParameterError("valid_percent", "the official split has its own; use 0")
        valid, rest = _hold_out(units, rest, params.valid_percent, kind, rng)
    if len(test) == 0 or len(rest) == 0:
        raise ParameterError(
            "split", f"{kind} leaves {len(rest)} clips for training and {len(test)} for testing"
        )
    split = Split(train=rest, valid=valid, test=test)
    _check_apart(data, split, kind)
    return split


def _first_possible(data):
    if data.part is not None and (data.part == "test").any():
        return "official"
    return "random" if data.groups is None else "groups"


def _held_together(data, kind):
    """Number what may not be in two parts: recordings, or groups and the recordings in them."""
    recordings = np.arange(len(data.y)) if data.recordings is None else data.recordings
    if kind == "groups" and data.groups is None:
        raise ParameterError("split", "these data have no groups; use official or random")
    if kind == "random" or data.groups is None or (kind == "official" and data.groups_shared):
        return recordings
    return united(recordings, data.groups)


def _hold_out(units, rows, share, kind, rng):
    """Return the rows held out, and the others."""
    units = units[rows]
    if kind == "groups":
        if len(np.unique(units)) < 2:
            raise ParameterError("split", "there is only one group; use random")
        splitter = GroupShuffleSplit(1, test_size=share, random_state=rng)
        try:
            rest, held = next(splitter.split(rows, groups=units))
        except ValueError as error:
            raise ParameterError("split", error) from error
    else:
        # In the order of the data: what is drawn does not depend on how units are numbered.
        first = np.sort(np.unique(units, return_index=True)[1])
        drawn = rng.permutation(len(first))[: max(1, round(share * len(first)))]
        mask = np.isin(units, units[first[drawn]])
        held, rest = np.flatnonzero(mask), np.flatnonzero(~mask)
    return rows[np.sort(held)], rows[np.sort(rest)]


def _check_apart(data, split, kind):
    parts = split.train, split.valid, split.test
    shared = [] if data.recordings is None else on_both_sides(data.recordings, *parts)
    if len(shared):
        advice = "correct the table, or use groups or random"
        raise ParameterError(
            "split", f"{kind} has {len(shared)} recordings in two of its parts; {advice}"
        )
    if kind == "random" or data.groups is None or data.groups_shared:
        return
    shared = on_both_sides(data.groups, *parts)
    if len(shared):
        named = ", ".join(map(str, shared[:10]))
        raise ParameterError(
            "split", f"{kind} has {len(shared)} groups in two of its parts ({named}); use groups"
        )


def compute_features(data, transformer, progress, store=None):
    """Compute the features of all clips, and set broken ones aside.

    Parameters
    ----------
    data : Data
        The clips.
    transformer : transformer
        From clips to features, with ``transform_readable``.
    progress : callable
        Called with the number of clips done.
    store : path-like, default=None
        Folder where features are kept and mapped from; None: they are kept in memory.

    Returns
    -------
    data : Data
        The clips without the broken ones.
    X : ndarray of shape (n_clips, ...)
        Their features.
    notes : list of str
        A line for each broken clip.

    Raises
    ------
    ExperimentError
        If the clips do not suit the transformer, or all are broken.
    """
    X, broken, notes, n_good = None, [], [], 0
    mapped = store is not None
    if mapped and data.sr is not None:
        raise ParameterError("feature_store", "these recordings are no files; leave it out")
    if mapped:
        transformer = FeatureCache(transformer, store)
    try:
        transformer.fit(data.clips[:1])
        for start in range(0, len(data.clips), _BLOCK):
            clips = data.clips[start : start + _BLOCK]
            rows, found = transformer.transform_readable(clips)
            if found and not transformer.sets_aside:
                raise BrokenClipsError(found)
            if rows is not None and not mapped:
                if X is None:
                    X = np.empty((len(data.clips), *rows.shape[1:]), dtype=rows.dtype)
                X[n_good : n_good + len(rows)] = rows
            n_good += len(clips) - len(found)
            for position, (_, reason, advice) in found.items():
                broken.append(start + position)
                notes.append(set_aside(data.files[broken[-1]], reason, advice))
            progress(start + len(clips))
    except ValueError as error:
        raise ParameterError("features", error) from error
    if len(broken) == len(data.clips):
        raise ExperimentError(f"no clip can be used; the first: {notes[0]}")
    good = np.setdiff1d(np.arange(len(data.clips)), broken)
    data = data.take(good) if broken else data
    if mapped:  # all are in the store by now: as one map, where they lie in a row
        return data, transformer.transform(data.clips), notes
    return data, X[:n_good], notes
