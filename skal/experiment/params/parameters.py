"""The parameters of an experiment: a JSON file, checked before any work starts."""

import os
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from skal.audio.embedding.spec import parse_embedding
from skal.experiment.messages import ParameterError
from skal.experiment.params.alframework import OldKeys, drop_other_name, new_name, translate
from skal.experiment.params.keys import NAMED, Count, Flag, HeldOut, Share, as_object, check, key
from skal.experiment.params.presets import features_for
from skal.experiment.params.renamed import translate_renamed

__all__ = ["Component", "Params", "dataset_given", "dataset_name", "load_params", "merge"]


class Component(BaseModel):
    """A component, such as a strategy or a model: its name and parameters."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, Field(strict=True)] | None = None

    @property
    def params(self):
        """The given parameters, without the name."""
        return dict(self.model_extra)


def _from_name(value):
    if value is None or isinstance(value, (dict, Component)):
        return value
    if isinstance(value, str):
        return {"name": value}
    raise ValueError("neither a name nor an object")


Named = Annotated[
    Component,
    BeforeValidator(_from_name),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]
NamedList = Annotated[
    list[Named],
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array"}]}),
]
Text = Annotated[str, Field(strict=True, min_length=1)]

_AMOUNT = "an integer of at least 1, or a share above 0 and up to 1"


class Params(BaseModel):
    """All keys of a parameter file; ``skal params`` explains them."""

    model_config = ConfigDict(extra="forbid", title="Parameters of skal run")

    dataset: Named | None = key(
        None, NAMED, "Data set; default: the one named by sub_dir, else sounds."
    )
    data_home: Text | None = key(None, "a folder", "Where the recordings are.")
    sub_dir: Text | None = key(
        None, "a relative folder", "Task name: folder below output_dir; default: the data set."
    )
    output_dir: Text = key("outputs", "a folder", "Where run folders are made.")
    name: Annotated[str, Field(strict=True, pattern=r"^[^./\\][^/\\]*$")] | None = key(
        None,
        "a text without slashes that does not begin with a dot",
        "What the run is called in folders and plots; default: the strategy.",
    )
    num_total: Count | None = key(
        None,
        "an integer of at least 1",
        "Number of recordings to draw at random, the same for every seed; default: all.",
    )
    num_classes: Count | None = key(
        None, "an integer of at least 1", "Check that the data have this many classes."
    )
    split: Literal["official", "groups", "random", "stratified"] | None = key(
        None,
        "official, groups, random or stratified",
        "How test data are held out: as published with the data, by whole groups (recording, "
        "speaker, place), recordings at random, or at random with equal shares of each class; "
        "default: "
        "official if there is one, else groups if there are any, else random.",
    )
    test_fraction: Annotated[float, Field(strict=True, gt=0, lt=1)] = key(
        0.2,
        "a number between 0 and 1",
        "Share held out for testing; ignored with the official split.",
    )
    validation_fraction: HeldOut = key(
        0.0,
        "a number of at least 0 and below 1",
        "Share of the training data held out to choose the round whose model is saved; "
        "with 0, the last round's model is saved.",
    )
    features: Named | None = key(None, NAMED, "Features, computed once for the whole run.")
    embedding: Named | None = key(
        None,
        "birdnet or another known model, NAME=WEIGHTS, or the file of a network; or an object "
        'with "name" and parameters of PretrainedEmbedding',
        "Embeddings by a pretrained network, instead of features; the model then defaults to "
        "embedding_classifier.",
    )
    feature_store: Text | None = key(
        None,
        "a folder",
        "Folder where features are stored and memory-mapped: later runs reuse them, and the pool "
        "may be larger than memory.",
    )
    model: Named | None = key(None, NAMED, "Classifier.")
    engine: Literal["keras", "tensorflow"] | None = key(
        None,
        "keras, tensorflow or null",
        "What trains the cnn: Keras, or plain TensorFlow (faster); null is the latter.",
    )
    strategy: Named | None = key(None, NAMED, "Chooses the recordings to label next.")
    initial_strategy: Named | None = key(
        None, NAMED, "Chooses the first labels, without a model; null: random."
    )
    n_initial: Count | Share = key(0.1, _AMOUNT, "Labels before round 1.")
    n_instances: Count | Share = key(20, _AMOUNT, "Labels per round.")
    budget: Count | Share | None = key(None, f"{_AMOUNT}; or null", "Labels in total; null: all.")
    max_rounds: Count | None = key(
        None, "an integer of at least 1; or null", "Maximum number of rounds; null: no limit."
    )
    update: Named | None = key(
        None,
        "retrain, finetune or shrink_perturb",
        "Whether a round trains from scratch or continues from the last round's weights.",
    )
    replay: Named | None = key(
        None,
        f"{NAMED}; names: none, uncertain, var, diverse",
        "Old labels to train on in each round; null: all. Its threshold may be a list, with one "
        "run for each entry.",
    )
    pseudo_labels: Named | None = key(
        None,
        "an object with the parameters of PseudoLabels, or null",
        "Also train on confident predictions of the last model. With the cnn, set "
        "model.label_smoothing to 0; otherwise no prediction is confident enough.",
    )
    stopping: NamedList | None = key(
        None, f"{NAMED}, or a list of them", "When to stop before the budget is spent."
    )
    metric_baseline: HeldOut = key(
        0.0,
        "a number of at least 0 and below 1",
        "Validation accuracy that a model must exceed to be saved. Without validation data (see "
        "validation_fraction), the last round's model is saved, whatever its accuracy, because "
        "test data must not select a model.",
    )
    full_data: Flag = key(
        True,
        "true or false",
        "At the end, also train on all labels, for the reference line in the plot.",
    )
    random_seed: Annotated[int, Field(strict=True, ge=0, lt=2**31)] = key(
        0, "an integer of at least 0", "Seed of the first run."
    )
    n_seeds: Count = key(
        1,
        "an integer of at least 1",
        "Number of runs, with consecutive seeds from random_seed; default of compare: as many as "
        "a significant difference needs.",
    )
    n_jobs: Annotated[int, Field(strict=True)] | None = key(
        None,
        "an integer",
        "Parallel jobs for features, or parallel runs of compare; -1: one per core.",
    )
    verbose: Annotated[int, Field(strict=True, ge=0, le=1)] = key(
        1, "0 or 1", "0: print nothing but the result."
    )
    taken_from: dict[str, str] | None = key(
        None, "an object", "Written by skal: where each non-default value came from."
    )

    def as_used(self):
        """Return the parameters as a run folder stores them, ready to run again."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


_DEFAULT_NAMES = {"features": "log_mel", "model": "cnn", "strategy": "margin"}


def load_params(given, overrides=(), *, source="given"):
    """Check parameters and complete them.

    Parameters
    ----------
    given : dict
        Content of a parameter file, skal's or ALFramework's.
    overrides : iterable of (str, object), default=()
        Keys (nested keys with dots) and values that override those in `given`.
    source : str, default="given"
        Origin of `given`, for ``taken_from``: a preset or a file.

    Returns
    -------
    params : Params
        Complete, in skal's keys.
    notes : list of str
        Lines for the user.

    Raises
    ------
    ParameterError
        If a key or value is wrong; the message is one line that names the key.

    See Also
    --------
    run_experiment : Runs the parameters.
    compare : Runs them with several strategies.
    read_preset : Parameters that come with the package.

    Examples
    --------
    >>> from skal.experiment import load_params
    >>> params, notes = load_params({"dataset": "sounds", "n_initial": 10}, [("budget", 50)])
    >>> params.n_initial, params.budget, params.strategy.name
    (10, 50, 'margin')

    A wrong key or value is an error of one line:

    >>> load_params({"bugdet": 50})
    Traceback (most recent call last):
    ...
    skal.experiment.messages.ParameterError: bugdet: unknown key; did you mean 'budget'? ...
    """
    raw, renamed = translate_renamed(merge(given, overrides, source))
    raw, notes = translate(raw)
    origins = raw.pop("taken_from")
    origins = {new_name(name).removesuffix(".name"): place for name, place in origins.items()}
    raw = check(Params, raw, OldKeys.model_fields).model_dump(exclude_unset=True)
    _embed(raw, origins)
    _suit_features(raw, origins)
    for name, default in _DEFAULT_NAMES.items():
        own = raw.get(name) or {}
        raw[name] = own | {"name": own.get("name") or default}
    if isinstance(raw["model"].get("pretrained"), str):  # a run may resume elsewhere
        raw["model"]["pretrained"] = os.path.abspath(raw["model"]["pretrained"])
    return Params(**raw, taken_from=origins or None), [*renamed, *notes]


def merge(given, overrides=(), source="given"):
    """Override parameters with options; return them, not yet validated, and their origins."""
    raw = dict(given)
    # A params.json from a run folder already has the origins of its values.
    origins = dict(raw.pop("taken_from", None) or dict.fromkeys(raw, source))
    for name, value in sorted(overrides, key=lambda pair: pair[0].count(".")):
        drop_other_name(raw, name)
        _override(raw, name.split("."), value, name)
        origins[name] = "command line"
    return raw | {"taken_from": origins}


def _embed(raw, origins):
    """Replace the features with an embedding, and set a classifier for it."""
    own = raw.pop("embedding", None)
    if own is None:
        return
    if origins.get("features") == "command line":
        raise ParameterError("features", "an embedding is also given; leave one of them out")
    name = own.pop("name", None) or own.pop("model", None)
    if name is None:
        raise ParameterError("embedding", 'the "name" is missing')
    try:
        raw["features"] = {"name": "embedding"} | parse_embedding(name) | own
    except ValueError as error:
        raise ParameterError("embedding", error) from error
    if origins.get("model") != "command line":
        raw["model"] = {"name": "embedding_classifier"}
    place = origins.pop("embedding", None)
    if place is not None:
        origins["features"] = place


def _suit_features(raw, origins):
    """Fill in the data set's features, unless other features are given."""
    dataset = dataset_name(Params(**raw))[0]
    suited, given = features_for(dataset), raw.get("features") or {}
    if suited and given.get("name") in (None, suited["name"]):
        raw["features"] = suited | {k: v for k, v in given.items() if k != "name"}
        if raw["features"] != given:
            origins["features.*" if given else "features"] = f"preset {dataset}"


def dataset_name(params):
    """Return the name of the data set and the key that gives it."""
    if params.dataset is not None and params.dataset.name is not None:
        return params.dataset.name, "dataset"
    if params.sub_dir is not None:
        return params.sub_dir, "dataset (named by sub_dir, because none is given)"
    return "sounds", "dataset"


def dataset_given(overrides):
    """Return the data set that options name, or None."""
    given = dict(overrides)
    dataset = given.get("dataset.name", given.get("dataset"))
    return dataset.get("name") if isinstance(dataset, dict) else dataset


def _override(raw, path, value, name):
    *parents, last = path
    for parent in parents:
        raw[parent] = as_object(parent, raw.get(parent))
        raw = raw[parent]
    if not last:
        raise ParameterError(name, "a key is empty")
    raw[last] = value
