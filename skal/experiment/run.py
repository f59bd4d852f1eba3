"""Run an experiment: data, features, one campaign for each seed, and what it leaves behind."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal.campaign import ActiveLearningClassifier
from skal.experiment.components import build, short_name
from skal.experiment.data import compute_features, dataset_name, load_data, split_data
from skal.experiment.folder import RunFolder, describe_environment
from skal.experiment.messages import ParameterError
from skal.experiment.progress import Reporter
from skal.experiment.record import Recorder
from skal.learner import UnsupportedStrategyError
from skal.metrics import evaluate

__all__ = ["Parts", "build_parts", "run_experiment"]


@dataclass
class Parts:
    """The objects that parameters name.

    Attributes
    ----------
    transformer : transformer
        From clips to features.
    model : classifier
        From features to classes.
    strategy : QueryStrategy
        Chooses.
    initial_strategy : QueryStrategy or None
        Chooses the first labels.
    """

    transformer: object
    model: object
    strategy: object
    initial_strategy: object


def build_parts(params):
    """Build the objects that parameters name, before any data are read.

    Parameters
    ----------
    params : Params
        Complete parameters.

    Returns
    -------
    Parts

    Raises
    ------
    ParameterError
        If a name or value is wrong.
    """
    model = build("model", params.model.name, params.model.params)
    # Scikit-learn's own classifiers take rows of numbers, and want them scaled.
    flat = not hasattr(model, "embed")
    features = {"on_error": "warn", "n_jobs": params.n_jobs} | ({"flatten": True} if flat else {})
    features |= params.features.params
    initial = params.initial_strategy
    if initial is not None and initial.name is None:
        raise ParameterError("initial_strategy", 'the "name" is missing')
    return Parts(
        transformer=build("features", params.features.name, features),
        model=make_pipeline(StandardScaler(), model) if flat else model,
        strategy=build("strategy", params.strategy.name, params.strategy.params),
        initial_strategy=initial
        and build("strategy", initial.name, initial.params, "initial_strategy"),
    )


def run_experiment(params, *, notes=(), reporter=None):
    """Run an experiment once for each seed.

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
        The run folders, one for each seed.

    Raises
    ------
    ExperimentError
        If a parameter does not fit, or a file cannot be read or written.
    """
    reporter = Reporter(params.verbose) if reporter is None else reporter
    parts = build_parts(params)
    data = load_data(params)
    if data.sr is not None and "sr" not in params.features.params:
        parts.transformer.set_params(sr=data.sr)
    with reporter.bar("features", len(data.clips)) as bar:
        data, X, problems = compute_features(data, parts.transformer, bar)
    common = [*notes, *problems, _describe(data, X)]
    seeds = range(params.random_seed, params.random_seed + params.n_seeds)
    return [_run_seed(params, parts, data, X, seed, common, reporter) for seed in seeds]


def _describe(data, X):
    shape = " x ".join(str(length) for length in X.shape[1:])
    n_classes = len(np.unique(data.y))
    return f"{len(data.y)} clips of {n_classes} classes, features of {shape}"


def _run_seed(params, parts, data, X, seed, notes, reporter):
    """Run one campaign, and return its folder."""
    split = split_data(data, params, seed)
    name = short_name(type(parts.strategy))
    sub_dir = params.sub_dir or dataset_name(params)[0]
    folder = RunFolder.create(Path(params.output_dir) / sub_dir / name)
    reporter.open_log(lambda line: folder.append_line("log.txt", line))
    used = params.as_used() | {"sub_dir": sub_dir, "random_seed": seed, "n_seeds": 1}
    folder.write_json("params.json", used)
    folder.write_json("environment.json", describe_environment(seed))
    for line in notes:
        reporter.line(line)
    reporter.line(
        f"{name}, seed {seed}: {len(split.train)} clips to choose from, {len(split.test)} to "
        f"test on{f', {len(split.valid)} to validate on' * bool(len(split.valid))}"
    )
    campaign = _campaign(params, parts, data, seed)
    train, test = (X[split.train], data.y[split.train]), (X[split.test], data.y[split.test])
    valid = (X[split.valid], data.y[split.valid]) if len(split.valid) else None
    with reporter.bar("labels", _n_labels(params, len(split.train))) as bar:
        recorder = Recorder(
            folder, data, split, campaign, parts.transformer, params, reporter, bar, valid
        )
        try:
            campaign.fit(
                *train,
                eval_set=test,
                groups=None if data.groups is None else data.groups[split.train],
                on_round=recorder,
            )
        except UnsupportedStrategyError as error:
            raise ParameterError("strategy", error) from error
    reporter.line(f"stopped: {campaign.stop_reason_}")
    full = None
    if params.full_data:
        full = _full_data(parts.model, train, test, seed)
        reporter.line(f"all {len(split.train)} labels: accuracy {full['accuracy']:.4f}")
    recorder.finish(full)
    reporter.line(f"run folder: {folder.path}{os.sep}")
    reporter.close_log()
    return folder.path


def _campaign(params, parts, data, seed):
    return ActiveLearningClassifier(
        parts.model,
        parts.strategy,
        n_initial=params.n_initial,
        initial_strategy=parts.initial_strategy,
        n_instances=params.n_instances,
        budget=params.budget,
        max_rounds=params.max_rounds,
        classes=np.unique(data.y),
        unlabeled=None,
        random_state=seed,
    )


def _n_labels(params, n_train):
    """Return the number of labels at the end, as far as it is known in advance."""
    first, step, budget = (
        n_train if value is None else value if isinstance(value, int) else round(value * n_train)
        for value in (params.n_initial, params.n_instances, params.budget)
    )
    if params.max_rounds is not None:
        budget = min(budget, first + params.max_rounds * step)
    return min(budget, n_train)


def _full_data(model, train, test, seed):
    """Score a model trained on all labels: what there is to be gained."""
    model = clone(model)
    names = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(names, seed)).fit(*train)
    return evaluate(test[1], model.predict(test[0]))
