"""Run campaigns, one for each seed, and resume interrupted ones."""

import contextlib
import json
import os
from pathlib import Path

from skal.experiment.messages import ExperimentError, FolderBusyError, ParameterError
from skal.experiment.params.parameters import load_params
from skal.experiment.runs.interrupts import StopAfterStep
from skal.experiment.runs.manifest import find_duplicates
from skal.experiment.runs.plan import make_plans, per_threshold
from skal.experiment.runs.progress import Reporter
from skal.experiment.runs.record import Recorder
from skal.experiment.runs.run_folder import RunFolder, describe_environment, make_output_folder
from skal.learner import UnsupportedStrategyError

__all__ = ["begin_run", "describe_params", "play_run", "resume_runs", "run_experiment"]

# Data and features depend on these keys: runs with the same values share them.
_DATA_KEYS = ("dataset", "data_home", "sub_dir", "num_total", "features", "model")

# Files that only run folders have.
_BEGUN = ("params.json", "manifest.json", "started.json")

# Keys whose origin is printed even if they have their defaults.
_SAID = ("split", "features", "model", "strategy", "n_initial", "n_instances", "budget")


def run_experiment(params, *, notes=(), reporter=None):
    """Run an experiment once for each seed, and for each threshold of replay.

    All folders are created and locked before the first run starts; `resume_runs` continues
    unfinished ones.

    Parameters
    ----------
    params : Params
        Complete parameters, from `load_params`.
    notes : iterable of str, default=()
        Lines to print and log first.
    reporter : Reporter, default=None
        Prints and logs the progress; None: one that follows ``params.verbose``.

    Returns
    -------
    list of Path
        The run folders, one for each run.

    Raises
    ------
    ExperimentError
        If a parameter is invalid, or a file cannot be read or written.
    Interrupted
        After Ctrl-C; the current round is finished and saved first.

    See Also
    --------
    load_params : Checks and completes parameters.
    compare : Runs several strategies and seeds.
    resume_runs : Continues interrupted runs.

    Examples
    --------
    A run of less than a second on synthetic sounds:

    >>> import tempfile
    >>> from skal.experiment import load_params, run_experiment
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     params, notes = load_params({
    ...         "dataset": {"name": "sounds", "n_samples": 60, "n_classes": 3, "duration": 0.3},
    ...         "features": {"name": "mfcc", "n_fft": 256, "n_mels": 16, "n_mfcc": 8},
    ...         "model": "logistic_regression",
    ...         "n_initial": 10, "n_instances": 10, "budget": 30,
    ...         "output_dir": folder, "verbose": 0,
    ...     })
    ...     (run,) = run_experiment(params)
    ...     table = (run / "stats.csv").read_text().splitlines()
    >>> len(table)  # a header, the first training, and two rounds
    4
    """
    reporter = Reporter(params.verbose) if reporter is None else reporter
    notes = [*describe_params(params), *notes]
    plans = make_plans(per_threshold(params), reporter, notes)
    make_output_folder(params.output_dir)
    with contextlib.ExitStack() as held:
        folders = [RunFolder.create(plan.home) for plan in plans]
        for folder, plan in zip(folders, plans, strict=True):
            held.enter_context(folder.hold())
            begin_run(folder, plan)
        for folder, plan in zip(folders, plans, strict=True):
            play_run(folder, plan, reporter)
    return [folder.path for folder in folders]


def describe_params(params, hidden=()):
    """Return a line for each origin of values, without some keys."""
    origins, places = params.taken_from or {}, {}
    for name, place in origins.items():
        if name not in hidden:
            places.setdefault(place, []).append(name)
    defaults = [name for name in _SAID if name not in (*origins, *hidden)]
    lines = [f"{place}: {', '.join(names)}" for place, names in places.items()]
    if defaults:
        lines.append(f"defaults: {', '.join(defaults)} (skal params explains them)")
    return lines


def begin_run(folder, plan):
    """Write the parameters of a run, which makes it resumable."""
    used = plan.params.as_used() | {"sub_dir": plan.task}
    if plan.params.data_home is not None:
        used["data_home"] = os.path.abspath(plan.params.data_home)
    folder.begin(environment=describe_environment(plan.params.random_seed), params=used)


def play_run(folder, plan, reporter):
    """Play a run from its current state to its end, and seal its folder."""
    resume = f"resume with: skal run --resume {folder.path}"
    stop = StopAfterStep(reporter.line, f"interrupted; everything is saved, {resume}")
    with _one_line_errors(folder, resume), stop:
        for line in plan.features.notes:
            folder.log(line)
        with reporter.logging(folder.log):
            _play(folder, plan, reporter, stop)
        folder.seal()
        folder.remove("checkpoint")
    _report_twin(folder, reporter)


def _play(folder, plan, reporter, stop):
    reporter.line(plan.about)
    train, test = plan.rows(plan.split.train), plan.rows(plan.split.test)
    campaign = plan.make_campaign(folder.path / "checkpoint")
    recorder = Recorder(folder, plan, campaign, reporter)
    with reporter.bar("labels", plan.n_labels):
        recorder.catch_up()

        def on_round(record):
            recorder(record)
            stop.check()

        campaign.fit(*train, eval_set=test, groups=plan.groups, on_round=on_round)
    reporter.line(f"stopped: {campaign.stop_reason_}")
    full = again = None
    if plan.params.full_data:
        full = plan.score_full_data(train, test)
        reporter.line(f"all {len(train[1])} labels: accuracy {full['accuracy']:.4f}")
        if plan.twice:
            again = plan.score_trained_again(train, test)
            reporter.line(f"trained again, with another seed: accuracy {again['accuracy']:.4f}")
    recorder.finish(full, again)
    reporter.line(f"run folder: {folder.path}{os.sep}")


@contextlib.contextmanager
def _one_line_errors(folder, resume):
    try:
        yield
    except ExperimentError:
        raise
    except OSError as error:
        where = error.filename or folder.path
        raise ExperimentError(
            f"{where}: {error.strerror or error}; everything finished is saved, {resume}"
        ) from error
    except UnsupportedStrategyError as error:
        raise ParameterError("strategy", error) from error
    except ValueError as error:
        # For example, the data have changed since the run began.
        raise ExperimentError(f"{folder.path}: {' '.join(str(error).split())}") from error


def _report_twin(folder, reporter):
    siblings = [path for path in folder.path.parent.iterdir() if path != folder.path]
    try:
        twin = find_duplicates([*_natural_order(siblings), folder.path]).get(folder.path)
    except ExperimentError as error:  # of another run: this one is whole
        reporter.line(str(error))
        return
    if twin is not None:
        reporter.line(f"the result is identical to that of {twin}{os.sep}: count them as one run")


def resume_runs(path="outputs", *, verbose=1):
    """Continue one run, or all unfinished runs below a folder.

    Checkpoints contain pickles, which run code when opened: resume only runs that you trust.

    Parameters
    ----------
    path : path-like, default="outputs"
        A run folder, or a folder that contains run folders.
    verbose : {0, 1}, default=1
        0: print nothing.

    Returns
    -------
    list of Path
        Folders of the runs that were finished by this call.

    Raises
    ------
    ExperimentError
        If there is no run, or another process holds it.

    See Also
    --------
    run_experiment : Starts runs.

    Examples
    --------
    Here, the only run is finished:

    >>> import tempfile
    >>> from skal.experiment import load_params, resume_runs, run_experiment
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     params, notes = load_params({
    ...         "dataset": {"name": "sounds", "n_samples": 60, "n_classes": 3, "duration": 0.3},
    ...         "features": {"name": "mfcc", "n_fft": 256, "n_mels": 16, "n_mfcc": 8},
    ...         "model": "logistic_regression",
    ...         "n_initial": 10, "n_instances": 10, "budget": 20,
    ...         "output_dir": folder, "verbose": 0,
    ...     })
    ...     folders = run_experiment(params)
    ...     resume_runs(folder, verbose=0)
    []
    """
    reporter = Reporter(verbose)
    path = Path(path)
    folders = _find_runs(path)
    waiting = [folder for folder in folders if not folder.is_finished]
    damaged = list(_look_after([f for f in folders if f.is_finished], reporter))
    if not waiting:
        reporter.line(f"nothing to resume: all {len(folders)} runs in {path} are finished")
    if any((folder.path / "checkpoint").is_dir() for folder in waiting):
        reporter.line(
            f"the checkpoints in {path} contain Python pickles, which run code when opened: trust "
            "their source"
        )
    finished, shared = [], {}
    for folder in waiting:
        try:
            _resume(folder, reporter, shared)
        except FolderBusyError as error:
            if len(waiting) == 1:
                raise
            reporter.line(f"skipped: {error}")
            continue
        finished.append(folder.path)
    if damaged:
        raise ExperimentError("; ".join(damaged))
    return finished


def _look_after(finished, reporter):
    """Clear finished runs up, and yield a line for each that has changed since."""
    for folder in finished:
        folder.tidy()
        try:
            for path in folder.check_finished():
                reporter.line(f"{path} is missing; the run is finished without it")
        except ExperimentError as error:
            yield str(error)


def _find_runs(path):
    if _is_begun(path):
        return [RunFolder(path)]
    files = (file for name in _BEGUN for file in path.rglob(name))
    found = _natural_order({file.parent for file in files if _is_begun(file.parent)})
    if not found:
        raise ExperimentError(
            f"{path}: this folder has no started run; start it again with skal run"
        )
    return [RunFolder(folder) for folder in found]


def _is_begun(path):
    folder = RunFolder(path)
    if folder.has_lost_params:
        raise ExperimentError(
            f"{folder.path / 'params.json'} is missing, without which the run cannot continue: "
            f"restore it from a copy, or remove the folder {folder.path} to run again"
        )
    return folder.is_run


def _resume(folder, reporter, shared):
    with folder.hold():
        folder.check_begun()
        params, _ = load_params(folder.read_json("params.json"))
        used = params.as_used()
        key = json.dumps([used.get(name) for name in _DATA_KEYS])
        (plan,) = make_plans([params], reporter, features=shared.get(key))
        shared.clear()  # features are large, so keep only the last ones
        shared[key] = plan.features
        play_run(folder, plan, reporter)


def _natural_order(paths):
    """Sort paths so that 2 comes before 10."""
    return sorted(
        paths, key=lambda path: [(len(p), p) if p.isdecimal() else (0, p) for p in path.parts]
    )
