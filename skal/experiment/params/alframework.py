"""Translation of parameter files of ALFramework, skal's predecessor."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from skal.experiment.messages import ParameterError
from skal.experiment.params.keys import Count, Flag, HeldOut, as_object, check, key

__all__ = ["COMBINED_STRATEGIES", "OldKeys", "drop_other_name", "new_name", "translate"]

# Selection engines and the equivalent strategies.
_ENGINES = {
    "random": "random",
    "dpc": "dpc",
    "edpc": "edpc",
    "entropy": "entropy",
    "entropy_pl": "entropy",
    "egl": "egl",
    "ecg": "ecg",
    "aift": "aift",
    "hist_select": "edpc",
}

# Engines of ALFramework that combine a strategy with something else, and the keys that only they
# use. ALFramework's files have all keys, whatever their engine.
COMBINED_STRATEGIES = {
    "hist_select": ("hist_sel_mode", "sel_thresholds"),
    "entropy_pl": ("decay_rate", "decay_threshold"),
}

# Old keys and their replacements.
_NEW_NAMES = {
    "framework_type": "strategy.name",
    "labeled_percent": "n_initial",
    "max_round": "max_rounds",
    "num_select_per_round": "n_instances",
    "num_epochs": "model.epochs",
    "batch_size": "model.batch_size",
    "learning_rate": "model.learning_rate",
    "pretrained": "model.pretrained",
    "test_percent": "test_fraction",
    "valid_percent": "validation_fraction",
}

_COUNT = "an integer of at least 1"


class OldKeys(BaseModel):
    """ALFramework's keys with other names than skal's; `Params` has the common keys."""

    framework_type: Literal[tuple(_ENGINES)] | None = key(  # type: ignore[valid-type]
        None,
        f"one of {', '.join(_ENGINES)}",
        "Selection engine; same as strategy. hist_select is edpc with replay, entropy_pl is "
        "entropy with pseudo_labels.",
    )
    hist_sel_mode: Literal["certain", "var", "no", "all"] | None = key(
        None,
        "one of certain, var, no, all",
        "Old labels to train on in each round; same as replay (certain: uncertain, no: none, "
        "all: null). hist_select only.",
    )
    sel_thresholds: list[Count] | None = key(
        None,
        "a list of integers of at least 1",
        "Select among old labels only above this number of labels; one run for each number. "
        "hist_select only.",
    )
    max_round: Count | None = key(None, _COUNT, "Same as max_rounds.")
    num_epochs: Count | None = key(None, _COUNT, "Epochs per round; same as model.epochs.")
    batch_size: Count | None = key(None, _COUNT, "Mini-batch size; same as model.batch_size.")
    learning_rate: Annotated[float, Field(strict=True, gt=0)] | None = key(
        None, "a number above 0", "Learning rate; same as model.learning_rate."
    )
    test_percent: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = key(
        None, "a number between 0 and 1", "Share held out for testing; same as test_fraction."
    )
    valid_percent: HeldOut | None = key(
        None, "a number of at least 0 and below 1", "Same as validation_fraction."
    )
    labeled_percent: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = key(
        None, "a number between 0 and 1", "Share labeled at the start; same as n_initial."
    )
    num_select_per_round: Count | None = key(
        None, _COUNT, "Labels per round; same as n_instances."
    )
    decay_rate: Annotated[float, Field(strict=True, ge=0)] | None = key(
        None,
        "a number of at least 0",
        "Each round lowers the pseudo-label threshold by this rate times the round. entropy_pl "
        "only.",
    )
    decay_threshold: Annotated[float, Field(strict=True, gt=0)] | None = key(
        None, "a number above 0", "First pseudo-label entropy threshold. entropy_pl only."
    )
    load_pretrained: Flag | None = key(
        None, "true or false", "Start from the weights that pretrained names; false: ignore them."
    )
    pre_train: Flag | None = key(
        None,
        "true or false",
        "Train on the first labels before round 1; false: only evaluate the saved weights. Same "
        "as update.pre_train.",
    )
    pretrained: Annotated[str, Field(strict=True, min_length=1)] | None = key(
        None,
        "a file or a run folder",
        "Saved model of the same network that training starts from; same as model.pretrained.",
    )


def translate(raw):
    """Translate ALFramework's keys; return parameters and notes on keys without effect."""
    given = {name: raw[name] for name in OldKeys.model_fields if raw.get(name) is not None}
    old = check(OldKeys, given).model_dump(exclude_unset=True)
    params = {name: value for name, value in raw.items() if name not in OldKeys.model_fields}
    for name, new in _NEW_NAMES.items():
        if name in old:
            _put(params, name, new, old[name])
    strategy = params.get("strategy")
    engine = strategy.get("name") if isinstance(strategy, dict) else strategy
    if engine in COMBINED_STRATEGIES:
        params |= _combined(params, engine, old)
    unused = [
        name
        for owner, names in COMBINED_STRATEGIES.items()
        for name in names
        if name in old and engine != owner
    ]
    notes = _start_weights(params, old)
    if unused:
        notes.append(f"no effect with strategy {engine or 'margin'}: {', '.join(unused)}")
    return params, notes


def _combined(params, engine, old):
    """Return the strategy, replay or pseudo-labels of an engine, under the engine's name."""
    added = _replay(old) if engine == "hist_select" else _pseudo_labels(old)
    taken = [name for name in added if params.get(name) is not None]
    if taken:
        raise ParameterError(
            taken[0], f"{engine} sets it already; leave it out, or use {_ENGINES[engine]}"
        )
    strategy = as_object("strategy", params["strategy"]) | {"name": _ENGINES[engine]}
    added |= {"strategy": strategy, "name": params.get("name") or engine}
    if engine == "entropy_pl":
        model = as_object("model", params.get("model"))
        if model.get("name") in (None, "cnn"):
            # Networks trained on smoothed labels never reach the certainty that the threshold
            # requires.
            added["model"] = {"label_smoothing": 0.0} | model
    return added


def _replay(old):
    mode = old.get("hist_sel_mode", "certain")
    if mode in ("no", "all"):
        return {"replay": {"name": "none"} if mode == "no" else None}
    thresholds = old.get("sel_thresholds")
    if not thresholds:
        raise ParameterError(
            "sel_thresholds",
            f"hist_select with {mode} needs it: the number of labels above which old labels are "
            "selected, such as [1000]",
        )
    # ALFramework's "certain" keeps the rows of the highest entropy.
    name = "uncertain" if mode == "certain" else mode
    return {"replay": {"name": name, "threshold": thresholds if thresholds[1:] else thresholds[0]}}


def _pseudo_labels(old):
    names = {"threshold": "decay_threshold", "decay": "decay_rate"}
    given = {new: old[name] for new, name in names.items() if name in old}
    return {"pseudo_labels": given | {"schedule": "recursive"}}


def _start_weights(params, old):
    """Start from saved weights if there are any; return notes on keys without effect."""
    model = as_object("model", params.get("model"))
    if model.get("pretrained") is None:
        # Most of ALFramework's files name weights that were never published.
        wanted = {"load_pretrained": True, "pre_train": False}
        unmet = [name for name, value in wanted.items() if old.get(name) is value]
        if not unmet:
            return []
        return [
            f"no effect without saved weights: {' and '.join(unmet)}; training starts from "
            'scratch. To start from an earlier run, add "pretrained": its folder or model.skal'
        ]
    if old.get("load_pretrained") is False:
        del model["pretrained"]
        params["model"] = model
        return ["no effect with load_pretrained false: pretrained"]
    if old.get("pre_train") is False:
        update = as_object("update", params.get("update"))
        params["update"] = {"name": "retrain", **update, "pre_train": False}
    return []


def new_name(name):
    """Return skal's name of a key; nested keys have dots."""
    return _NEW_NAMES.get(name, name)


def drop_other_name(raw, name):
    """Remove a key from a file if an option sets it under its other name."""
    for old, new in _NEW_NAMES.items():
        if name == old:
            parent, _, last = new.rpartition(".")
            if old == "framework_type":
                raw.pop("strategy", None)
            elif not parent:
                raw.pop(last, None)
            elif isinstance(raw.get(parent), dict):
                raw[parent] = {k: v for k, v in raw[parent].items() if k != last}
        elif name in (new, new.removesuffix(".name")):
            raw.pop(old, None)


def _put(params, old, new, value):
    """Store a value under its new key, unless the file gives that key too."""
    parent, _, last = new.rpartition(".")
    target = params
    if parent:
        target = params[parent] = as_object(parent, params.get(parent))
    if target.get(last) is not None:
        raise ParameterError(old, f"it means the same as {new}, which is also given; keep one")
    target[last] = value
