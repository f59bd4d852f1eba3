"""Plans: data, split, features, and campaign, resolved once from parameters."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path

import numpy as np
from sklearn.base import clone

from skal._utils.estimators.flat_features import with_scaling
from skal._utils.estimators.pipelines import seed_all
from skal.audio import PretrainedEmbedding
from skal.campaign import ActiveLearningClassifier
from skal.campaign.training.fit import weight_names
from skal.campaign.training.update import as_update
from skal.experiment.messages import ParameterError
from skal.experiment.params.parameters import Params, dataset_name
from skal.experiment.registry import build, find_component, name_of_class
from skal.experiment.runs.data import (
    Data,
    compute_features,
    find_loader,
    load_data,
)
from skal.experiment.runs.run_folder import make_output_folder
from skal.experiment.runs.splits import Split, split_data
from skal.learner import check_supported
from skal.metrics import classification_scores
from skal.models import CNNClassifier
from skal.models.initial_weights import find_classifier

__all__ = ["Features", "Parts", "Plan", "build_parts", "make_plans", "per_threshold"]


@dataclass(frozen=True)
class Parts:
    """The objects that parameters name; `options` are a campaign's other components."""

    transformer: object
    model: object
    strategy: object
    options: dict


@dataclass(frozen=True)
class Features:
    """Shared by runs on the same data: named clips, their features, and log lines."""

    data: Data
    X: np.ndarray
    transformer: object
    notes: list


@dataclass(frozen=True)
class Plan:
    """One run, ready to be played."""

    params: Params
    parts: Parts
    features: Features
    split: Split
    # Whether to train on all labels twice, to estimate the training noise.
    twice: bool = False

    @property
    def data(self):
        """The clips."""
        return self.features.data

    @property
    def name(self):
        """The name of the run in folders, log lines, and plots."""
        return self.params.name or name_of_class(type(self.parts.strategy))

    @property
    def task(self):
        """Name of the folder below output_dir."""
        return self.params.sub_dir or dataset_name(self.params)[0]

    @property
    def home(self):
        """The parent of the numbered run folders."""
        return Path(self.params.output_dir) / self.task / self.name

    @property
    def groups(self):
        """The groups of the clips to choose from, or None."""
        return None if self.data.groups is None else self.data.groups[self.split.train]

    @property
    def windows(self):
        """Length and hop of the windows, in s; None for whole recordings."""
        given = {} if self.params.dataset is None else self.params.dataset.params
        return {name: given.get(name) for name in ("window", "hop")}

    @property
    def about(self):
        """One line that describes the run."""
        line = (
            f"{self.name}, seed {self.params.random_seed}: {len(self.split.train)} clips to "
            f"choose from, {len(self.split.test)} to test on"
        )
        return line + f", {len(self.split.valid)} to validate on" * bool(len(self.split.valid))

    @property
    def n_labels(self):
        """Number of labels at the end, if no criterion stops the run before."""
        n_train = len(self.split.train)
        given = (self.params.n_initial, self.params.n_instances, self.params.budget or 1.0)
        first, step, budget = (n if isinstance(n, int) else round(n * n_train) for n in given)
        if self.params.max_rounds is not None:
            budget = min(budget, first + self.params.max_rounds * step)
        return min(budget, n_train)

    def make_campaign(self, checkpoint):
        """Return the unfitted campaign, which saves every round in a folder."""
        return ActiveLearningClassifier(
            self.parts.model,
            self.parts.strategy,
            **self.parts.options,
            n_initial=self.params.n_initial,
            n_instances=self.params.n_instances,
            budget=self.params.budget,
            max_rounds=self.params.max_rounds,
            classes=np.unique(self.data.y),
            unlabeled=None,
            checkpoint=checkpoint,
            random_state=self.params.random_seed,
        )

    def rows(self, rows):
        """Return features and labels of some clips."""
        return self.features.X[rows], self.data.y[rows]

    def score_full_data(self, train, test):
        """Return the metrics of a model trained on all labels."""
        return self._score_trained(train, test, self.params.random_seed)

    def score_trained_again(self, train, test):
        """Return the metrics of a training on the same rows, reordered, with another seed."""
        rng = np.random.RandomState([self.params.random_seed, 1])
        order = rng.permutation(len(train[1]))
        return self._score_trained([part[order] for part in train], test, rng.randint(2**31 - 1))

    def _score_trained(self, train, test, seed):
        model = clone(self.parts.model)
        seed_all(model, seed)
        model.fit(*train)
        return classification_scores(test[1], model.predict(test[0]))


def make_plans(arms, reporter, notes=(), features=None):
    """Resolve parameters that share data and features into plans."""
    # Returns a plan for each seed. Computes features unless they are given.
    find_loader(arms[0])
    parts = [build_parts(params) for params in arms]  # check all of them before reading data
    if features is None:
        features = _read_features(arms[0], parts[0].transformer, reporter)
        features.notes[:0] = notes
    for line in features.notes:
        reporter.line(line)
    seeds = range(arms[0].random_seed, arms[0].random_seed + arms[0].n_seeds)
    splits = {seed: split_data(features.data, arms[0], seed) for seed in seeds}
    one = {seed: {"random_seed": seed, "n_seeds": 1} for seed in seeds}
    return [
        Plan(params.model_copy(update=one[seed]), own, features, split)
        for params, own in zip(arms, parts, strict=True)
        for seed, split in splits.items()
    ]


def per_threshold(params):
    """Split an experiment into one for each threshold of replay."""
    thresholds = params.replay.params.get("threshold") if params.replay else None
    if not isinstance(thresholds, list):
        return [params]
    if not thresholds:
        raise ParameterError("replay.threshold", "the list is empty")
    replays = [params.replay.model_copy(update={"threshold": value}) for value in thresholds]
    return [params.model_copy(update={"replay": replay}) for replay in replays]


def _read_features(params, transformer, reporter):
    """Load the data and compute the features of all clips."""
    data = load_data(params)
    if data.sr is not None and isinstance(transformer, PretrainedEmbedding):
        raise ParameterError(
            "embedding",
            "an embedding needs recordings, not synthetic sounds: name a data set, such as "
            "--dataset folder --data_home FOLDER",
        )
    if data.sr is not None and "sr" not in params.features.params:
        transformer = clone(transformer).set_params(sr=data.sr)
    if params.feature_store is not None:
        make_output_folder(params.feature_store)
    with reporter.bar("features", len(data.clips)):
        data, X, problems = compute_features(
            data, transformer, reporter.advance, params.feature_store
        )
    shape = " x ".join(str(length) for length in X.shape[1:])
    n_classes = len(np.unique(data.y))
    about = f"{len(data.y)} clips of {n_classes} classes, features of {shape}"
    # Drop the clips: plans are sent to other processes, and only names are recorded.
    named = replace(data, clips=None)
    return Features(named, X, transformer, [*data.notes, *problems, about])


def build_parts(params):
    """Build the objects that parameters name, and check that they fit together."""
    model = build("model", params.model.name, _model_params(params), "model")
    model, flatten = with_scaling(model)
    defaults = {"on_error": "warn", "n_jobs": params.n_jobs}
    features = find_component("features", params.features.name)
    if flatten and "flatten" in signature(features).parameters:
        defaults["flatten"] = True
    parts = Parts(
        transformer=build("features", params.features.name, defaults | params.features.params),
        model=model,
        strategy=build("strategy", params.strategy.name, params.strategy.params),
        options=_options(params),
    )
    _check_together(parts)
    return parts


def _model_params(params):
    """Return the parameters of the classifier, including the engine."""
    if params.engine is None:
        return params.model.params
    if find_component("model", params.model.name) is not CNNClassifier:
        # Folders of older runs name the engine whatever the model is.
        if params.engine == "keras":
            return params.model.params
        raise ParameterError(
            "engine", f"{params.engine} is only for the cnn, not {params.model.name}; remove it"
        )
    return {"engine": params.engine, **params.model.params}


def _options(params):
    options = {
        "initial_strategy": _optional(params.initial_strategy, "strategy", "initial_strategy"),
        "update": _optional(params.update, "update") or "retrain",
        "replay": _optional(params.replay, "replay"),
        "pseudo_labels": _optional(params.pseudo_labels, "pseudo_labels", default="pseudo_labels"),
        "stopping": None,
    }
    if params.stopping:
        options["stopping"] = [_optional(criterion, "stopping") for criterion in params.stopping]
    return options


def _optional(component, kind, key=None, default=None):
    if component is None:
        return None
    name = component.name or default
    if name is None:
        raise ParameterError(key or kind, 'the "name" is missing')
    return build(kind, name, component.params, key)


def _check_together(parts):
    """Check before any work that the model supports the other parts."""
    pretrained = parts.model.get_params(deep=False).get("pretrained")
    if pretrained is not None:
        with _named("model"):
            find_classifier(pretrained)
    with _named("update"):
        as_update(parts.options["update"]).check(parts.model)
    with _named("strategy"):
        check_supported(parts.model, parts.strategy.required(), parts.strategy)
    pseudo_labels = parts.options["pseudo_labels"]
    if pseudo_labels is not None and pseudo_labels.weight != 1:
        with _named("pseudo_labels.weight"):
            weight_names(parts.model)


@contextmanager
def _named(key):
    """Turn errors into a ParameterError that names the key."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ParameterError(key, error) from error
