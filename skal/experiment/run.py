"""Run an experiment: data, features, one campaign for each seed, and what it leaves behind."""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from skal.experiment.data import compute_features, dataset_name, load_data, split_data
from skal.experiment.folder import RunFolder, describe_environment
from skal.experiment.interrupts import StopAfterStep
from skal.experiment.manifest import find_duplicates
from skal.experiment.messages import ExperimentError, ParameterError
from skal.experiment.plan import build_parts, make_campaign, score_full_data, single_runs
from skal.experiment.progress import Reporter
from skal.experiment.record import Recorder
from skal.learner import UnsupportedStrategyError

__all__ = ["begin_run", "natural_order", "play_run", "read_features", "run_experiment"]


def run_experiment(params, *, notes=(), reporter=None):
    """Run an experiment once for each seed, and for each threshold of replay.

    All folders are made, and held, before the first run starts; `resume_runs` goes on with
    those that were not finished.

    Parameters
    ----------
    params : Params
        Complete parameters, from `load_params`.
    notes : iterable of str, default=()
        Lines to show and log first.
    reporter : Reporter, default=None
        Shows and logs the progress; None: one that follows ``params.verbose``.

    Returns
    -------
    list of Path
        The run folders, one for each run.

    Raises
    ------
    ExperimentError
        If a parameter does not fit, or a file cannot be read or written.
    Interrupted
        After Ctrl-C; the round in progress is finished and saved before.
    """
    reporter = Reporter(params.verbose) if reporter is None else reporter
    parts = build_parts(params)
    data, X, problems = read_features(params, parts, reporter)
    notes = [*notes, *problems]
    runs = single_runs(params)
    for run in runs:
        split_data(data, run, run.random_seed)  # what is wrong with it comes before any folder
    with ExitStack() as held:
        folders = []
        for run in runs:
            sub_dir = run.sub_dir or dataset_name(run)[0]
            folder = RunFolder.create(Path(run.output_dir) / sub_dir / parts.strategy_name)
            held.enter_context(folder.hold())
            begin_run(folder, run)
            folders.append(folder)
        for folder, run in zip(folders, runs, strict=True):
            play_run(folder, run, data, X, notes, reporter)
    return [folder.path for folder in folders]


def begin_run(folder, params):
    """Write down what a run is; from then on it can be gone on with.

    Parameters
    ----------
    folder : RunFolder
        Its folder, held.
    params : Params
        Complete parameters, of one run.
    """
    used = params.as_used() | {"sub_dir": params.sub_dir or dataset_name(params)[0]}
    if params.data_home is not None:
        used["data_home"] = os.path.abspath(params.data_home)
    folder.write_json("environment.json", describe_environment(params.random_seed))
    folder.write_json("params.json", used)


def read_features(params, parts, reporter):
    """Load the data, and compute the features of all clips.

    Parameters
    ----------
    params : Params
        Complete parameters.
    parts : Parts
        What they name.
    reporter : Reporter
        Shows the progress.

    Returns
    -------
    data : Data
        The clips that can be used, by their names only.
    X : ndarray of shape (n_clips, ...)
        Their features.
    notes : list of str
        Lines on what was read and what is broken.
    """
    data = load_data(params)
    if data.sr is not None and "sr" not in params.features.params:
        parts.transformer.set_params(sr=data.sr)
    with reporter.bar("features", len(data.clips)) as bar:
        data, X, problems = compute_features(data, parts.transformer, bar, params.feature_store)
    shape = " x ".join(str(length) for length in X.shape[1:])
    n_classes = len(np.unique(data.y))
    about = f"{len(data.y)} clips of {n_classes} classes, features of {shape}"
    sr = parts.transformer.sr
    return replace(data, clips=None, sr=sr), X, [*data.notes, *problems, about]


def play_run(folder, params, data, X, notes, reporter):
    """Play a run from where it is to its end.

    Parameters
    ----------
    folder : RunFolder
        Begun, and held by this process.
    params : Params
        Complete parameters, of one run.
    data : Data
        The clips.
    X : ndarray of shape (n_clips, ...)
        Their features.
    notes : iterable of str
        Lines to show and log first.
    reporter : Reporter
        Shows and logs the progress.

    Raises
    ------
    ExperimentError
        If something cannot be written; the rounds before are safe.
    Interrupted
        After Ctrl-C.
    """
    go_on = f"go on with: skal run --resume {folder.path}"
    stop = StopAfterStep(reporter.line, f"interrupted, and saved; {go_on}")
    try:
        reporter.open_log(lambda line: folder.append_line("log.txt", line))
        with stop:
            _play(folder, params, data, X, notes, reporter, stop)
    except ExperimentError:
        raise
    except OSError as error:
        where = error.filename or folder.path
        raise ExperimentError(
            f"{where}: {error.strerror or error}; what was finished is safe, {go_on}"
        ) from error
    except UnsupportedStrategyError as error:
        raise ParameterError("strategy", error) from error
    except ValueError as error:
        # Such as data that are no longer those that the run began with.
        raise ExperimentError(f"{folder.path}: {' '.join(str(error).split())}") from error
    finally:
        reporter.close_log()


def _play(folder, params, data, X, notes, reporter, stop):
    parts = build_parts(params)
    parts.transformer.set_params(sr=data.sr)
    split = split_data(data, params, params.random_seed)
    for line in [*notes, _describe(params, parts, split)]:
        reporter.line(line)
    checkpoint = folder.path / "checkpoint"
    campaign = make_campaign(params, parts, np.unique(data.y), checkpoint)
    train, valid, test = (
        (X[rows], data.y[rows]) for rows in (split.train, split.valid, split.test)
    )
    with reporter.bar("labels", _n_labels(params, len(split.train))) as bar:
        recorder = Recorder(
            folder,
            data,
            split,
            campaign,
            parts.transformer,
            params,
            reporter,
            bar,
            valid if len(split.valid) else None,
        )
        recorder.catch_up()

        def on_round(record):
            recorder(record)
            stop.check()

        groups = None if data.groups is None else data.groups[split.train]
        campaign.fit(*train, eval_set=test, groups=groups, on_round=on_round)
    reporter.line(f"stopped: {campaign.stop_reason_}")
    full = None
    if params.full_data:
        full = score_full_data(parts.model, train, test, params.random_seed)
        reporter.line(f"all {len(split.train)} labels: accuracy {full['accuracy']:.4f}")
    _finish(folder, recorder, full, reporter)


def _finish(folder, recorder, full, reporter):
    recorder.finish(full)
    reporter.line(f"run folder: {folder.path}{os.sep}")
    recorder.seal()
    folder.remove("checkpoint")
    siblings = [path for path in folder.path.parent.iterdir() if path != folder.path]
    twin = find_duplicates([*natural_order(siblings), folder.path]).get(folder.path)
    if twin is not None:
        reporter.console.print(
            f"the same result, byte for byte, as {twin}{os.sep}: count the two as one",
            markup=False,
        )


def natural_order(paths):
    """Sort paths so that 2 comes before 10.

    Parameters
    ----------
    paths : iterable of Path
        The paths.

    Returns
    -------
    list of Path
    """
    return sorted(
        paths, key=lambda path: [(len(p), p) if p.isdecimal() else (0, p) for p in path.parts]
    )


def _describe(params, parts, split):
    line = (
        f"{parts.strategy_name}, seed {params.random_seed}: {len(split.train)} clips to choose "
        f"from, {len(split.test)} to test on"
    )
    return line + f", {len(split.valid)} to validate on" * bool(len(split.valid))


def _n_labels(params, n_train):
    """Return the number of labels at the end, as far as it is known in advance."""
    first, step, budget = (
        n_train if value is None else value if isinstance(value, int) else round(value * n_train)
        for value in (params.n_initial, params.n_instances, params.budget)
    )
    if params.max_rounds is not None:
        budget = min(budget, first + params.max_rounds * step)
    return min(budget, n_train)
