"""The data of an experiment: loading and features; see `splits` for the split."""

import inspect
import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from skal._utils.sound.folders import passed_over
from skal.audio import BrokenClipsError, FeatureCache
from skal.datasets import DatasetWarning
from skal.datasets.splits import recordings_of
from skal.experiment.messages import ExperimentError, ParameterError
from skal.experiment.params.parameters import dataset_name
from skal.experiment.registry import check_arguments, find_component

__all__ = [
    "Data",
    "compute_features",
    "features_error",
    "find_loader",
    "line_about",
    "load_data",
]

# Clips per call of the transformer, which is a step of the progress bar.
_BLOCK = 512


@dataclass
class Data:
    """The recordings of an experiment and their labels; arrays have a row for each clip."""

    clips: object  # file paths, or waveforms
    files: np.ndarray  # names of the clips in lists
    y: np.ndarray  # class names
    groups: np.ndarray | None  # recording, speaker or place
    part: np.ndarray | None  # published part: "train", "validation" or "test"
    positions: np.ndarray  # positions in the data set as loaded
    sr: int | None = None  # sampling rate of waveforms, in Hz
    recordings: np.ndarray | None = None  # of each clip; None: one clip per recording
    groups_shared: bool = False  # the published parts share groups by design
    notes: list = field(default_factory=list)  # a line for each recording set aside

    def take(self, rows):
        """Return some of the clips."""
        arrays = ("clips", "files", "y", "groups", "part", "positions", "recordings")
        values = {name: getattr(self, name) for name in arrays}
        return replace(self, **{name: v if v is None else v[rows] for name, v in values.items()})


def find_loader(params):
    """Return the loader of the data set and its arguments; check them before slow imports."""
    name, key = dataset_name(params)
    try:
        loader = find_component("dataset", name, key)
    except ParameterError as error:
        own = "For your own recordings: --dataset folder --data_home FOLDER"
        raise ParameterError(key, f"{error.problem}. {own}") from error
    arguments = {} if params.dataset is None else params.dataset.params
    check_arguments(loader, arguments, "dataset")
    arguments |= _home(loader, name, params)
    if "random_state" in inspect.signature(loader).parameters:
        # Synthetic data must not change when a run resumes.
        arguments.setdefault("random_state", 0)
    if arguments.get("window") is not None:
        # Cutting windows opens the recordings, and a broken one must not end the run.
        arguments.setdefault("on_error", "warn")
    return loader, arguments


def _home(loader, name, params):
    """Return the loader's argument for the folder of recordings."""
    wants = [key for key in ("data_home", "path") if key in inspect.signature(loader).parameters]
    if not wants and params.data_home is not None:
        raise ParameterError(
            "data_home",
            f"the data set {name} needs no folder; leave it out, or name another --dataset",
        )
    if wants and params.data_home is None:
        raise ParameterError(
            "data_home", f"name the folder of the recordings of {name}: --data_home FOLDER"
        )
    return {wants[0]: params.data_home} if wants else {}


def load_data(params, *, labeled_only=True):
    """Load the data set, and draw the clips to use."""
    loader, arguments = find_loader(params)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)  # the notes say the same
            bunch = loader(**arguments)
    except (ValueError, TypeError, OSError) as error:
        raise ParameterError("dataset", error) from error
    data = _from_bunch(bunch)
    if labeled_only:
        data = _labeled(data, bunch)
        _check_classes(data, params)
    if params.num_total is not None and params.num_total < len(data.y):
        # Use a fixed seed, not the run's: all runs must see the same data.
        order = np.random.RandomState(0).permutation(len(data.y))
        data = data.take(np.sort(order[: params.num_total]))
    return data


def _from_bunch(bunch):
    target = np.asarray(bunch.target)
    paths = bunch.get("paths")
    clips = bunch["data"] if paths is None else paths
    part, fold = bunch.get("split"), bunch.get("fold")
    if part is None and fold is not None:
        # The last of the official folds is held out.
        part = np.where(np.asarray(fold) == np.max(fold), "test", "train")
    if paths is None:
        files = np.array([f"clip {i}" for i in range(len(clips))], dtype=object)
    else:
        files = np.array([str(path) for path in paths], dtype=object)
    return Data(
        clips=clips,
        files=files,
        y=np.append(bunch.target_names, "")[target],  # the last one is -1, unknown
        groups=bunch.get("groups"),
        part=part,
        positions=np.arange(len(clips)),
        sr=bunch.get("sr") if paths is None else None,
        recordings=recordings_of(bunch),
        groups_shared=bunch.get("groups_shared", False),
        notes=[*_passed_over(bunch), *(line_about(*p) for p in bunch.get("problems", ()))],
    )


def _labeled(data, bunch):
    known = np.flatnonzero(np.asarray(bunch.target) >= 0)
    if not len(known):
        raise ParameterError(
            "dataset",
            f"none of the {len(data.y)} recordings has a class. Put those of each class into a "
            "folder named after it (FOLDER/dog/1.wav), or name a table with the columns path and "
            "label: --dataset.labels TABLE.csv. To label them, use skal label FOLDER",
        )
    return data.take(known)


def _check_classes(data, params):
    classes = np.unique(data.y)
    if len(classes) < 2:
        raise ParameterError(
            "dataset",
            f"all {len(data.y)} recordings are of the class {classes[0]}; two classes are needed",
        )
    if params.num_classes not in (None, len(classes)):
        named = ", ".join(classes[:12]) + (", ..." if len(classes) > 12 else "")
        raise ParameterError(
            "num_classes",
            f"the parameters expect {params.num_classes} classes, but the data have "
            f"{len(classes)} ({named}); correct num_classes, or remove it",
        )


def _passed_over(bunch):
    line = passed_over(bunch.get("passed_over", {}))
    return [] if line is None else [line]


def line_about(where, reason, advice):
    """Return the log line for a recording or table row that is set aside."""
    return f"set aside {where}: {reason}. What to do: {advice}."


def compute_features(data, transformer, progress, store=None):
    """Return the readable clips, their features, and a line for each broken clip."""
    # `progress` is called with the number of finished clips. Features stay in memory, or are
    # memory-mapped from the folder `store`.
    X, broken, notes, n_good = None, [], [], 0
    mapped = store is not None
    if mapped and data.sr is not None:
        raise ParameterError("feature_store", "these recordings are not files; leave it out")
    if mapped:
        transformer = FeatureCache(transformer, store)
    try:
        transformer.fit(data.clips[:1])
        for start in range(0, len(data.clips), _BLOCK):
            clips = data.clips[start : start + _BLOCK]
            rows, found = transformer.transform_readable(clips)
            if found and not transformer.sets_aside:
                raise BrokenClipsError({start + i: why for i, why in found.items()})
            if rows is not None and not mapped:
                if X is None:
                    X = np.empty((len(data.clips), *rows.shape[1:]), dtype=rows.dtype)
                X[n_good : n_good + len(rows)] = rows
            n_good += len(clips) - len(found)
            for position, (_, reason, advice) in found.items():
                broken.append(start + position)
                notes.append(line_about(data.files[broken[-1]], reason, advice))
            progress(start + len(clips))
    except ValueError as error:
        raise features_error(error) from error
    if len(broken) == len(data.clips):
        raise ExperimentError(f"no clip can be used; the first: {notes[0]}")
    good = np.setdiff1d(np.arange(len(data.clips)), broken)
    data = data.take(good) if broken else data
    if mapped:  # all are in the store now; adjacent rows share one map
        return data, transformer.transform(data.clips), notes
    return data, X[:n_good], notes


def features_error(error):
    """Translate the advice in a transformer's error into options of the command line."""
    text = str(error).replace("duration=, in s", "--features.duration SECONDS")
    text = text.replace("on_error='warn' sets", "--features.on_error warn sets")
    return ParameterError("features", text)
