"""Compare strategies, including random, from the same first labels for each seed."""

import hashlib
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_limits

from skal._utils.files.atomic import FolderHeldError, hold_folder
from skal.experiment.comparing.report import write_report
from skal.experiment.comparing.statistics import (
    figures_of_runs,
    seeds_needed,
    summarize,
    training_noise,
)
from skal.experiment.messages import ExperimentError, FolderBusyError, Interrupted, ParameterError
from skal.experiment.params.alframework import COMBINED_STRATEGIES
from skal.experiment.params.parameters import Params, dataset_name, load_params
from skal.experiment.params.renamed import before_renaming
from skal.experiment.registry import find_component, name_of_class
from skal.experiment.runs.manifest import changed_files, find_duplicates
from skal.experiment.runs.plan import make_plans, per_threshold
from skal.experiment.runs.progress import Reporter, duration_text
from skal.experiment.runs.run import begin_run, describe_params, play_run
from skal.experiment.runs.run_folder import RunFolder, make_output_folder

__all__ = ["DEFAULT_STRATEGIES", "Comparison", "compare"]

DEFAULT_STRATEGIES = ("random", "entropy", "margin", "edpc", "badge", "typiclust")

_COLUMNS = {"accuracy": "eval_acc", "precision": "eval_pre", "recall": "eval_recall"}

_RAREST = "eval_recall_rarest"

# Keys that select what is compared; the other keys are settings.
_STRATEGY_KEYS = ("strategy", "framework_type", "name")
_ENGINE_KEYS = tuple(key for keys in COMBINED_STRATEGIES.values() for key in keys)

# The files of a run that a comparison reads, or whose hash it compares.
_READ = ("queries.csv", "stats.csv", "summary.json")

# Keys that do not affect results, or that differ between the runs of a comparison.
_NOT_IN_DIGEST = (
    *("strategy", "name", "random_seed", "n_seeds", "n_jobs", "verbose", "output_dir"),
    "taken_from",
)


def compare(params, strategies=None, *, notes=(), reporter=None):
    """Run several strategies with several seeds, and compare their results.

    For each seed, all strategies share the split and the first labels. Finished runs are not
    repeated: the same call continues after an interruption, and a call with more seeds or
    strategies adds only those. joblib distributes the runs: call it inside
    ``joblib.parallel_config("dask")``, for example; workers on other machines need the same
    folders.

    Parameters
    ----------
    params : Params or dict
        Parameters of the runs; ``n_seeds`` seeds starting at ``random_seed``, ``n_jobs`` runs at a
        time. A dict without ``n_seeds`` uses as many seeds as a significant difference needs.
    strategies : iterable of str or dict, default=None
        Names, or objects with "name" and parameters; ALFramework's engines ``entropy_pl`` and
        ``hist_select`` come with their own pseudo-labels and replay. Random is added if it is
        missing. None: random, entropy, margin, edpc, badge and typiclust.
    notes : iterable of str, default=()
        Lines to print first.
    reporter : Reporter, default=None
        Shows the progress; None: one that follows ``params.verbose``.

    Returns
    -------
    Comparison
        Also written into its folder, with ``report.html``.

    Raises
    ------
    ExperimentError
        If a parameter is invalid, or a file cannot be read or written.
    Interrupted
        After Ctrl-C.

    See Also
    --------
    run_experiment : Runs one strategy.
    skal.display.BudgetCurveDisplay : Draws the curves.
    skal.metrics.paired_test : Tests the differences of your own measurements.

    Examples
    --------
    >>> import tempfile
    >>> from skal.experiment import compare
    >>> parameters = {
    ...     "dataset": {"name": "sounds", "n_samples": 60, "n_classes": 3, "duration": 0.3},
    ...     "features": {"name": "mfcc", "n_fft": 256, "n_mels": 16, "n_mfcc": 8},
    ...     "model": "logistic_regression",
    ...     "n_initial": 10, "n_instances": 10, "budget": 30, "n_seeds": 2, "verbose": 0,
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     comparison = compare({**parameters, "output_dir": folder}, ["margin"])
    ...     report = (comparison.folder / "report.html").exists()
    >>> report, [row["strategy"] for row in comparison.table]
    (True, ['random', 'margin'])
    >>> n_labels, values = comparison.budget_curves("f1")["margin"][0]
    >>> n_labels.tolist(), values.shape
    ([10.0, 20.0, 30.0], (3,))
    """
    given = params.as_used() if isinstance(params, Params) else dict(params)
    arms = _arms(given, strategies)
    base, found = load_params(_without(given, _STRATEGY_KEYS + _ENGINE_KEYS))
    reporter = Reporter(base.verbose) if reporter is None else reporter
    notes = [*describe_params(base, _STRATEGY_KEYS + _ENGINE_KEYS), *notes, *found]
    plans = make_plans(list(arms.values()), reporter, notes)
    plans = [replace(plan, twice=plan.params.full_data) for plan in plans]
    folder = _folder(base)
    make_output_folder(base.output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hold_folder(folder):
            _play_all(folder, plans, reporter)
            seeds = sorted({plan.params.random_seed for plan in plans})
            comparison = Comparison.from_folder(folder, list(arms), seeds)
            write_report(comparison, base)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "interrupted; everything is saved, run the same command to continue"
        ) from error
    except FolderHeldError as error:
        raise FolderBusyError(f"{error}; wait until it ends, or stop it") from error
    except OSError as error:
        where = error.filename or folder
        raise ExperimentError(f"cannot write {where}: {error.strerror or error}") from error
    return comparison


def _arms(given, strategies):
    """Return the parameters of each strategy by a unique name."""
    entries = list(DEFAULT_STRATEGIES if strategies is None else strategies)
    engine = given.get("framework_type")
    if strategies is None and engine in COMBINED_STRATEGIES:
        entries.append(engine)
    if not any(entry in ("random", {"name": "random"}) for entry in entries):
        entries.insert(0, "random")
    raw, arms = _without(given, _STRATEGY_KEYS), {}
    for entry in entries:
        loaded = per_threshold(load_params(raw | {"strategy": entry})[0])
        for params in loaded:
            settings = dict(params.strategy.params)
            if len(loaded) > 1:
                settings["threshold"] = params.replay.params["threshold"]
            name = params.name or name_of_class(find_component("strategy", params.strategy.name))
            if settings:
                name += f"({','.join(f'{k}={_text(v)}' for k, v in sorted(settings.items()))})"
            name = name.replace("/", "_")
            if name in arms:
                raise ParameterError("strategies", f"{name} is given twice")
            # The model with all labels is the same for all strategies, so only one strategy trains
            # it.
            full_data = params.full_data and name == "random"
            arms[name] = params.model_copy(update={"name": name, "full_data": full_data})
    if "n_seeds" not in given:
        n_seeds = seeds_needed(len(arms) - 1)
        arms = {name: arm.model_copy(update={"n_seeds": n_seeds}) for name, arm in arms.items()}
    return arms


def _without(given, names):
    return {name: value for name, value in given.items() if name not in names}


def _text(value):
    """Return a setting for a folder name; nested settings become their leaves: 60-typiclust."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return "-".join(_text(item) for item in value if item is not None)
    return str(value)


def _folder(params):
    """Return the folder of all comparisons with these parameters."""
    used = before_renaming(_without(params.as_used(), _NOT_IN_DIGEST))
    digest = hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()[:8]
    task = params.sub_dir or dataset_name(params)[0]
    return Path(params.output_dir) / task / f"compare-{digest}"


def _play_all(folder, plans, reporter):
    """Play unfinished runs in parallel, and report the expected time."""
    tasks = [
        (folder / plan.name / str(plan.params.random_seed), plan)
        for plan in sorted(plans, key=lambda plan: plan.params.random_seed)
    ]
    missing = [task for task in tasks if not RunFolder(task[0]).is_finished]
    _name_changed([path for path, _ in tasks if RunFolder(path).is_finished], reporter)
    n_seeds = len({plan.params.random_seed for plan in plans})
    reporter.line(
        f"{len(plans) // n_seeds} strategies, {n_seeds} seed{'s' * (n_seeds > 1)}: "
        f"{len(missing)} of {len(tasks)} runs to do"
    )
    n_jobs = joblib.effective_n_jobs(plans[0].params.n_jobs)
    start = time.perf_counter()
    with reporter.bar("runs", len(missing)):
        for i, line in enumerate(_played(missing, n_jobs, reporter), start=1):
            reporter.line(f"{i:>4} of {len(missing)}: {line}")
            reporter.advance(i)
            if i == 1 and len(missing) > 1:
                seconds = time.perf_counter() - start
                rest = seconds * (math.ceil(len(missing) / n_jobs) - 1)
                reporter.line(
                    f"the first run took {duration_text(seconds)}; the others take about "
                    f"{duration_text(rest)}"
                )
    for path, _ in missing:
        if not RunFolder(path).is_finished:
            raise ExperimentError(
                f"{path} is missing: workers need the same folders as this process"
            )


def _name_changed(finished, reporter):
    """Report changed files of finished runs that the comparison does not read."""
    for folder in finished:
        changed, missing = changed_files(folder)
        for path in changed + missing:
            if path.name not in _READ:
                how = "is missing" if path in missing else "has changed since the run finished"
                reporter.line(f"{path} {how}; it is not used here")


def _played(missing, n_jobs, reporter):
    """Yield a line about each run when it ends."""
    if n_jobs == 1:  # in this process, the bar can advance within a run
        for i, (path, plan) in enumerate(missing):
            share = 1 / plan.n_labels
            yield _play_one(path, plan, lambda n, i=i, s=share: reporter.advance(i + n * s))
        return
    backend, _ = get_active_backend()
    unordered = getattr(backend, "supports_return_generator", False)
    parallel = joblib.Parallel(
        n_jobs=n_jobs, return_as="generator_unordered" if unordered else "list"
    )
    yield from parallel(joblib.delayed(_play_one)(*task) for task in missing)


def _play_one(path, plan, advance=None):
    """Play one run in any process; return a line about it."""
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path)
    # One thread each: the last bits of a sum depend on the number of threads.
    with folder.hold(), threadpool_limits(1):
        if folder.is_run:
            folder.check_begun()
        else:
            begin_run(folder, plan)
        play_run(folder, plan, Reporter(0, advance))
    summary = folder.read_json("summary.json")
    return (
        f"{plan.name}, seed {plan.params.random_seed}: accuracy {summary['accuracy']:.4f} with "
        f"{summary['labels']} labels"
    )


class Comparison:
    """Results of several strategies with the same seeds, from `compare`.

    Parameters
    ----------
    folder : Path
        Folder of the comparison.
    stats : dict of str to dict of int to list of dict
        Rows of stats.csv for each strategy and seed, as numbers.
    full_data : dict of int to dict
        Metrics of a model trained on all labels, for each seed; empty if none was trained.
    duplicates : dict of Path to Path
        Runs that duplicate another run of their strategy; not in `stats`.
    full_data_again : dict of int to dict, default=None
        Metrics of a second model trained on the same labels with another seed, for each seed;
        None or empty if there was none.

    Attributes
    ----------
    runs : list of dict
        The figures of each run, as in runs.csv.
    table : list of dict
        A row for each strategy, as in table.csv: means over the seeds, 95% bootstrap intervals
        (``*_low``, ``*_high``), tests against random.
    training_noise : float
        Standard deviation of the accuracy with all labels over trainings on the same labels
        with other seeds; NaN if none was trained twice.
    seed_noise : float
        Standard deviation of random's final accuracy over the seeds: labels drawn again, and
        training; NaN if there is only one.

    See Also
    --------
    compare : Makes it, and has an example.
    skal.display.BudgetCurveDisplay : Draws the curves.
    """

    def __init__(self, folder, stats, full_data, duplicates, full_data_again=None):
        self.folder = folder
        self.stats = stats
        self.full_data = full_data
        self.duplicates = duplicates
        targets = {seed: metrics["accuracy"] for seed, metrics in full_data.items()}
        # Runs of earlier versions did not measure it.
        rows = [row for seeds in stats.values() for rows in seeds.values() for row in rows]
        is_measured = all(_RAREST in row for row in rows)
        rarest = self._curves("recall_rarest") if is_measured else None
        self.runs = figures_of_runs(self._curves("accuracy"), targets, self._seconds(), rarest)
        self.table = summarize(self.runs)
        again = full_data_again or {}
        self.training_noise = training_noise(
            [(full_data[seed]["accuracy"], again[seed]["accuracy"]) for seed in again]
        )
        final = [run["accuracy"] for run in self.runs if run["strategy"] == "random"]
        self.seed_noise = float(np.std(final, ddof=1)) if len(final) > 1 else np.nan

    @classmethod
    def from_folder(cls, folder, names, seeds):
        """Read the runs of a comparison.

        Parameters
        ----------
        folder : path-like
            Folder of the comparison.
        names : list of str
            Strategies.
        seeds : list of int
            Seeds.

        Returns
        -------
        Comparison
        """
        folder, stats, full_data, duplicates, again = Path(folder), {}, {}, {}, {}
        for name in names:
            paths = [folder / name / str(seed) for seed in seeds]
            for path in paths:
                RunFolder(path).check_finished(_READ)
            twins = find_duplicates(paths)
            duplicates |= twins
            stats[name] = {
                seed: [_as_numbers(row) for row in RunFolder(path).read_csv("stats.csv")]
                for seed, path in zip(seeds, paths, strict=True)
                if path not in twins
            }
        for seed in stats["random"]:
            summary = RunFolder(folder / "random" / str(seed)).read_json("summary.json")
            if summary["full_data"] is not None:
                full_data[seed] = summary["full_data"]
            # Runs of older versions have no second training.
            if summary.get("full_data_again") is not None:
                again[seed] = summary["full_data_again"]
        return cls(folder, stats, full_data, duplicates, again)

    def budget_curves(self, metric="accuracy"):
        """Return the budget curves.

        Parameters
        ----------
        metric : {"accuracy", "precision", "recall", "f1", "recall_rarest"}, default="accuracy"
            Metric on the test data.

        Returns
        -------
        dict of str to list of tuple (n_labels, values)
            A curve for each seed of each strategy.
        """
        return {name: list(curves.values()) for name, curves in self._curves(metric).items()}

    def full_data_mean(self, metric="accuracy"):
        """Return the mean score, over the seeds, of a model trained on all labels.

        Parameters
        ----------
        metric : {"accuracy", "precision", "recall", "f1", "recall_rarest"}, default="accuracy"
            Metric on the test data.

        Returns
        -------
        float or None
            None if no such model was trained.
        """
        values = [metrics[metric] for metrics in self.full_data.values()]
        return float(np.mean(values)) if values else None

    def _curves(self, metric):
        column = _COLUMNS.get(metric, f"eval_{metric}")
        return {
            name: {
                seed: (
                    np.array([row["num_total_labeled"] for row in rows]),
                    np.array([row[column] for row in rows]),
                )
                for seed, rows in seeds.items()
            }
            for name, seeds in self.stats.items()
        }

    def _seconds(self):
        return {
            name: {
                seed: [sum(row[key] for row in rows) for key in ("seconds_query", "seconds_fit")]
                for seed, rows in seeds.items()
            }
            for name, seeds in self.stats.items()
        }


def _as_numbers(row):
    return {key: float(value) if value != "" else np.nan for key, value in row.items()}
