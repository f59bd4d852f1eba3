"""Compare strategies: for each seed the same first labels, and random always among them."""

import hashlib
import json
from pathlib import Path

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_limits

from skal._files import FolderHeldError, hold_folder
from skal.experiment.data import dataset_name, split_data
from skal.experiment.figures import Comparison
from skal.experiment.folder import RunFolder
from skal.experiment.messages import ExperimentError, FolderBusyError, Interrupted, ParameterError
from skal.experiment.params import Component, Params, load_params
from skal.experiment.plan import build_parts
from skal.experiment.progress import Reporter
from skal.experiment.registry import find_component, short_name
from skal.experiment.report import write_report
from skal.experiment.run import begin_run, play_run, read_features

__all__ = ["DEFAULT_STRATEGIES", "compare"]

DEFAULT_STRATEGIES = ("random", "entropy", "margin", "edpc", "badge", "typiclust")

# Keys that do not change what a run finds, or that differ between the runs of a comparison.
_NOT_IN_NAME = ("strategy", "random_seed", "n_seeds", "n_jobs", "verbose", "output_dir")


def compare(params, strategies=DEFAULT_STRATEGIES, *, notes=(), reporter=None):
    """Run several strategies with several seeds, and compare what they reach.

    For a seed, all strategies start from the same labels, of the same split. What is there
    already is not run again, so the same call goes on after an interruption, and a call with
    more seeds or strategies adds those. Runs are spread over joblib's backend: put the call
    inside ``joblib.parallel_config("dask")`` or the like; the workers of another machine need
    the same folders.

    Parameters
    ----------
    params : Params or dict
        Parameters of the runs; ``n_seeds`` seeds from ``random_seed`` on, ``n_jobs`` at a time.
    strategies : iterable of str or dict
        Names, or objects with "name" and parameters. Random is put first if it is missing.
    notes : iterable of str, default=()
        Lines to show first.
    reporter : Reporter, default=None
        Shows the progress; None: one that follows ``params.verbose``.

    Returns
    -------
    Comparison
        Also written into its folder, with ``report.html``.

    Raises
    ------
    ExperimentError
        If a parameter does not fit, or a file cannot be read or written.
    Interrupted
        After Ctrl-C.
    """
    if not isinstance(params, Params):
        params, notes = load_params(params)
    reporter = Reporter(params.verbose) if reporter is None else reporter
    runs = _name_strategies(params, strategies)
    parts, *_ = [build_parts(run) for run in runs.values()]  # all of them are checked here
    data, X, problems = read_features(params, parts, reporter)
    for line in [*notes, *problems]:
        reporter.line(line)
    seeds = range(params.random_seed, params.random_seed + params.n_seeds)
    for seed in seeds:
        split_data(data, params, seed)
    folder = _folder(params)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hold_folder(folder):
            _play_all(folder, runs, seeds, data, X, reporter)
            comparison = Comparison.from_folder(folder, list(runs), list(seeds))
            write_report(comparison, params, folder)
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted, and saved; the same command goes on") from error
    except FolderHeldError as error:
        raise FolderBusyError(f"{error}; wait for it to end, or end it") from error
    except OSError as error:
        where = error.filename or folder
        raise ExperimentError(f"cannot write {where}: {error.strerror or error}") from error
    return comparison


def _name_strategies(params, strategies):
    """Return the parameters for each strategy, by a name that tells them apart."""
    components = [
        Component.model_validate({"name": given} if isinstance(given, str) else given)
        for given in strategies
    ]
    if not any(component.name == "random" and not component.params for component in components):
        components.insert(0, Component(name="random"))
    runs = {}
    for component in components:
        name = short_name(find_component("strategy", component.name))
        settings = ",".join(f"{k}={v}" for k, v in sorted(component.params.items()))
        name += f"({settings})" if settings else ""
        if name in runs:
            raise ParameterError("strategies", f"{name} is there twice")
        runs[name.replace("/", "_")] = params.with_values(strategy=component)
    # The line of all labels is the same for every strategy: one trains it, for each seed.
    return {
        name: run.with_values(n_seeds=1, full_data=run.full_data and name == "random")
        for name, run in runs.items()
    }


def _folder(params):
    """Return the folder of all comparisons with these parameters."""
    used = {k: v for k, v in params.as_used().items() if k not in _NOT_IN_NAME}
    digest = hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()[:8]
    sub_dir = params.sub_dir or dataset_name(params)[0]
    return Path(params.output_dir) / sub_dir / f"compare-{digest}"


def _play_all(folder, runs, seeds, data, X, reporter):
    """Play the runs that are not finished, in parallel."""
    tasks = [
        (folder / name / str(seed), run.with_values(random_seed=seed))
        for seed in seeds
        for name, run in runs.items()
    ]
    missing = [task for task in tasks if not RunFolder(task[0]).is_finished]
    reporter.line(
        f"{len(runs)} strategies, {len(seeds)} seeds: {len(missing)} of {len(tasks)} runs to do"
    )
    n_jobs = next(iter(runs.values())).n_jobs
    backend, _ = get_active_backend()
    unordered = getattr(backend, "supports_return_generator", False)
    parallel = joblib.Parallel(
        n_jobs=n_jobs, return_as="generator_unordered" if unordered else "list"
    )
    jobs = (joblib.delayed(_play_one)(path, run, data, X) for path, run in missing)
    for i, line in enumerate(parallel(jobs), start=1):
        reporter.line(f"{i:>4} of {len(missing)}: {line}")
    for path, _ in missing:
        if not RunFolder(path).is_finished:
            raise ExperimentError(
                f"{path} was not written here: workers need the same folders as this process"
            )


def _play_one(path, params, data, X):
    """Play one run, anywhere; return a line about it."""
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path)
    # One thread each: the last bits of a sum depend on how many share it.
    with folder.hold(), threadpool_limits(1):
        if not folder.is_run:
            begin_run(folder, params)
        play_run(folder, params, data, X, (), Reporter(0))
    summary = folder.read_json("summary.json")
    return (
        f"{path.parent.name}, seed {params.random_seed}: accuracy {summary['accuracy']:.4f} with "
        f"{summary['labels']} labels"
    )
