"""The parameters of an experiment: one JSON file, checked before anything is done."""

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from skal.experiment.alframework import PredecessorKeys, drop_other_name, translate
from skal.experiment.messages import ParameterError, did_you_mean
from skal.experiment.presets import features_for

__all__ = ["Component", "Params", "load_params"]


class Component(BaseModel):
    """A strategy, model, ... by its name, with its own parameters beside the name."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, Field(strict=True)] | None = None

    @property
    def params(self):
        """The parameters given for it, without the name."""
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
Count = Annotated[int, Field(strict=True, ge=1)]
Share = Annotated[float, Field(strict=True, gt=0, le=1)]
HeldOut = Annotated[float, Field(strict=True, ge=0, lt=1)]
Text = Annotated[str, Field(strict=True, min_length=1)]

_AMOUNT = "an integer of at least 1, or a share above 0 and up to 1"
_NAMED = 'a name, or an object with "name" and its parameters'


def _key(default, allowed, meaning):
    return Field(default=default, description=meaning, json_schema_extra={"allowed": allowed})


class Params(PredecessorKeys):
    """All keys of a parameter file."""

    model_config = ConfigDict(extra="forbid", title="Parameters of skal run")

    dataset: Named | None = _key(
        None, _NAMED, "Data set; without one, that named by sub_dir, else sounds."
    )
    data_home: Text | None = _key(None, "a folder", "Where the recordings are.")
    sub_dir: Text | None = _key(
        None, "a relative folder", "Task name: folder below output_dir; by default the data set's."
    )
    output_dir: Text = _key("outputs", "a folder", "Where run folders are made.")
    num_total: Count | None = _key(
        None,
        "an integer of at least 1",
        "Recordings used, drawn at random, the same for every seed; more: all.",
    )
    num_classes: Count | None = _key(
        None, "an integer of at least 1", "Number of classes that the data must have."
    )
    split: Literal["official", "groups", "random"] | None = _key(
        None,
        "official, groups or random",
        "How test data are held out: as published with the data, by whole groups (recording, "
        "speaker, place), or recordings at random; by default the first that the data allow.",
    )
    test_percent: Annotated[float, Field(strict=True, gt=0, lt=1)] = _key(
        0.2, "a number between 0 and 1", "Share held out for testing, with groups and random."
    )
    valid_percent: HeldOut = _key(
        0.0,
        "a number of at least 0 and below 1",
        "Share of the training data held out to choose the round whose model is saved; "
        "with 0 the last round's is.",
    )
    features: Named | None = _key(None, _NAMED, "Features, computed once for the whole run.")
    feature_store: Text | None = _key(
        None,
        "a folder",
        "Where features are kept and mapped into memory: later runs read them, and the pool may "
        "be larger than memory.",
    )
    model: Named | None = _key(None, _NAMED, "Classifier.")
    engine: Literal["keras", "tensorflow"] = _key(
        "keras", "keras or tensorflow", "What trains the cnn: Keras, or TensorFlow alone (faster)."
    )
    pretrained: Text | None = _key(
        None,
        "a file or a run folder",
        "Saved model of the same network, whose weights every training starts from; the same as "
        "model.pretrained.",
    )
    strategy: Named | None = _key(None, _NAMED, "Chooses the recordings to label next.")
    initial_strategy: Named | None = _key(
        None, _NAMED, "Chooses the first labels, without a model; null: at random."
    )
    n_initial: Count | Share = _key(0.1, _AMOUNT, "Labels before round 1.")
    n_instances: Count | Share = _key(20, _AMOUNT, "Labels per round.")
    budget: Count | Share | None = _key(None, f"{_AMOUNT}; or null", "Labels in all; null: all.")
    max_rounds: Count | None = _key(
        None, "an integer of at least 1; or null", "Most rounds; null: no limit."
    )
    update: Named | None = _key(
        None,
        "retrain, finetune or shrink_perturb",
        "Whether a round trains from scratch or goes on from the last round's weights.",
    )
    replay: Named | None = _key(
        None,
        f"{_NAMED}; names: all, none, certain, var, diverse",
        "Old labels that a round trains on; null: all. Its threshold may be a list: a run for "
        "each entry.",
    )
    pseudo_labels: Named | None = _key(
        None,
        "an object with the parameters of PseudoLabels, or null",
        "Train also on what the last model was sure of. With the cnn, set model.label_smoothing "
        "to 0, or it is never sure enough.",
    )
    stopping: NamedList | None = _key(
        None, f"{_NAMED}, or a list of them", "When to stop before the budget is spent."
    )
    metric_baseline: HeldOut = _key(
        0.0,
        "a number of at least 0 and below 1",
        "Validation accuracy that a model must beat before it is saved. Without validation "
        "data (see valid_percent) the last round's model is saved, whatever its accuracy: "
        "test data choose nothing.",
    )
    full_data: Annotated[bool, Field(strict=True)] = _key(
        True,
        "true or false",
        "Also train once on all labels, at the end, for the line in the picture.",
    )
    random_seed: Annotated[int, Field(strict=True, ge=0, lt=2**31)] = _key(
        0, "an integer of at least 0", "Seed of the first run."
    )
    n_seeds: Count = _key(
        1, "an integer of at least 1", "Runs, with random_seed and the seeds after it."
    )
    n_jobs: Annotated[int, Field(strict=True)] | None = _key(
        None,
        "an integer",
        "Jobs that compute features, or runs that are compared, in parallel; -1: one per core.",
    )
    verbose: Annotated[int, Field(strict=True, ge=0, le=1)] = _key(
        1, "0 or 1", "0: print nothing but the result."
    )

    def as_used(self):
        """Return the parameters as they are written beside a run, ready to run it again."""
        return {key: value for key, value in self.model_dump().items() if value is not None}

    def with_values(self, **values):
        """Return a copy with other values, which are right already.

        Parameters
        ----------
        **values : object
            Keys and values.

        Returns
        -------
        Params
        """
        return self.model_copy(update=values)


_DEFAULT_NAMES = {"features": "log_mel", "model": "cnn", "strategy": "margin"}


def load_params(given, overrides=()):
    """Check parameters and complete them.

    Parameters
    ----------
    given : dict
        What a parameter file holds.
    overrides : iterable of (str, object), default=()
        Keys, with dots where they are nested, and values to put over it.

    Returns
    -------
    params : Params
        Complete, without keys of the predecessor.
    notes : list of str
        Lines for the user.

    Raises
    ------
    ParameterError
        If a key or value is wrong; the message is one line that names it.
    """
    raw = dict(given)
    for key, value in sorted(overrides, key=lambda pair: pair[0].count(".")):
        drop_other_name(raw, key)
        _override(raw, key.split("."), value, key)
    checked = _validate(raw)
    # Named by the keys given, not by their values: null is a value too.
    translated, notes = translate(checked.model_dump(exclude_unset=True))
    _default_features(translated)
    for key, name in _DEFAULT_NAMES.items():
        translated[key] = {"name": name} | {
            k: v for k, v in (translated.get(key) or {}).items() if k != "name" or v is not None
        }
    return _validate(translated), notes


def _default_features(raw):
    """Put the features that suit the data set under those given, unless they are others."""
    suited = features_for((raw.get("dataset") or {}).get("name") or raw.get("sub_dir") or "sounds")
    given = raw.get("features") or {}
    if suited and given.get("name") in (None, suited["name"]):
        raw["features"] = suited | {k: v for k, v in given.items() if k != "name"}


def _override(raw, path, value, key):
    *parents, last = path
    for parent in parents:
        inner = raw.get(parent)
        inner = {"name": inner} if isinstance(inner, str) else dict(inner or {})
        raw[parent] = inner
        raw = inner
    if not last:
        raise ParameterError(key, "a key is empty")
    raw[last] = value


def _validate(raw):
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise _first_problem(error, raw) from error


def _first_problem(error, raw):
    """Turn what pydantic found into one line on one key."""
    problem = error.errors(include_url=False)[0]
    key = str(problem["loc"][0]) if problem["loc"] else "parameters"
    if problem["type"] == "extra_forbidden":
        return ParameterError(key, f"unknown key; {did_you_mean(key, Params.model_fields)}")
    if key not in Params.model_fields:
        return ParameterError(key, problem["msg"])
    field = Params.model_fields[key]
    value = json.dumps(raw.get(key), default=str)
    options = _options(field.annotation)
    hint = did_you_mean(raw.get(key), options) if options else field.json_schema_extra["allowed"]
    return ParameterError(key, f"{value} is not allowed; " + (hint if options else f"use {hint}"))


def _options(annotation: Any):
    """Return the literals of a field that allows only some, else an empty list."""
    if getattr(annotation, "__origin__", None) is Literal:
        return list(annotation.__args__)
    return [text for part in getattr(annotation, "__args__", ()) for text in _options(part)]
