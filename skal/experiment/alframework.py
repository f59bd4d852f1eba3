"""The keys of the predecessor's parameter files, and what they mean in skal's."""

import os
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from skal.experiment.messages import ParameterError

__all__ = ["PredecessorKeys", "drop_other_name", "translate"]

# Selection engines, and the strategies that do the same.
_STRATEGIES = {
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

# Keys of which there is another name, and the key that a parameter file keeps.
_OTHER_NAMES = {
    "framework_type": "strategy.name",
    "labeled_percent": "n_initial",
    "max_round": "max_rounds",
    "num_select_per_round": "n_instances",
    "num_epochs": "model.epochs",
    "batch_size": "model.batch_size",
    "learning_rate": "model.learning_rate",
    "pretrained": "model.pretrained",
}

# What only one engine looks at; files hold all keys, whatever their engine.
_ONLY_FOR = {
    "hist_sel_mode": "hist_select",
    "sel_thresholds": "hist_select",
    "decay_rate": "entropy_pl",
    "decay_threshold": "entropy_pl",
}

# Modes of hist_sel_mode, and those of skal's replay.
_MODES = {"certain": "certain", "var": "var", "no": "none", "all": "all"}

Positive = Annotated[int, Field(strict=True, ge=1)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]


def _old(meaning, allowed):
    return Field(default=None, description=meaning, json_schema_extra={"allowed": allowed})


class PredecessorKeys(BaseModel):
    """Keys that a parameter file of the predecessor, ALFramework, may hold besides skal's."""

    framework_type: Literal[tuple(_STRATEGIES)] | None = _old(
        "Selection engine; the same as strategy. hist_select is edpc with replay, entropy_pl is "
        "entropy with pseudo_labels.",
        f"one of {', '.join(_STRATEGIES)}",
    )
    hist_sel_mode: Literal["certain", "var", "no", "all"] | None = _old(
        "Old labels that a round trains on; for framework_type hist_select only, the same as "
        "replay (no: none).",
        "one of certain, var, no, all",
    )
    sel_thresholds: list[Positive] | None = _old(
        "Numbers of labels above which old labels are selected, a run for each; for "
        "framework_type hist_select only.",
        "a list of integers of at least 1",
    )
    max_round: Positive | None = _old("The same as max_rounds.", "an integer of at least 1")
    num_epochs: Positive | None = _old(
        "Training epochs per round; the same as model.epochs.", "an integer of at least 1"
    )
    batch_size: Positive | None = _old(
        "Mini-batch size; the same as model.batch_size.", "an integer of at least 1"
    )
    learning_rate: Annotated[float, Field(strict=True, gt=0)] | None = _old(
        "Learning rate; the same as model.learning_rate.", "a number above 0"
    )
    labeled_percent: Share | None = _old(
        "Share labeled at the start; the same as n_initial.", "a number between 0 and 1"
    )
    num_select_per_round: Positive | None = _old(
        "Labels per round; the same as n_instances.", "an integer of at least 1"
    )
    decay_rate: Annotated[float, Field(strict=True, ge=0)] | None = _old(
        "Decay of the pseudo-label threshold, times the round, off that of the round before; for "
        "framework_type entropy_pl only.",
        "a number of at least 0",
    )
    decay_threshold: Annotated[float, Field(strict=True, gt=0)] | None = _old(
        "First pseudo-label entropy threshold; for framework_type entropy_pl only.",
        "a number above 0",
    )
    load_pretrained: Annotated[bool, Field(strict=True)] | None = _old(
        "Start from saved weights, those that pretrained names; false: pretrained is not "
        "looked at.",
        "true or false",
    )
    pre_train: Annotated[bool, Field(strict=True)] | None = _old(
        "Train on the first labels before round 1; false, with saved weights: only evaluate "
        "them. The same as update.pre_train.",
        "true or false",
    )


def translate(raw):
    """Replace the predecessor's keys by skal's that mean the same.

    Parameters
    ----------
    raw : dict
        Validated keys and values, those not given left out.

    Returns
    -------
    params : dict
        The same without the predecessor's keys.
    notes : list of str
        Lines for the user, on keys that the chosen engine does not look at.

    Raises
    ------
    ParameterError
        If a key and its other name are both given, or a key asks for what skal cannot do.
    """
    params = {key: value for key, value in raw.items() if key not in PredecessorKeys.model_fields}
    engine = raw.get("framework_type")
    for old, new in _OTHER_NAMES.items():
        if old in raw and (old, raw[old]) != ("pretrained", None):
            value = _STRATEGIES[engine] if old == "framework_type" else raw[old]
            _put(params, old, new, value)
    unused = _start_pretrained(params, raw)
    if engine == "hist_select":
        _set_new(params, "replay", _replay(raw))
    if engine == "entropy_pl":
        _set_new(params, "pseudo_labels", _pseudo_labels(raw))
        model = params.setdefault("model", {})
        if model.get("name") in (None, "cnn"):
            # Smoothed labels teach a network never to be as sure as the threshold asks.
            model.setdefault("label_smoothing", 0.0)
    notes = [
        f"{key} is looked at by framework_type {owner} only, and has no effect here"
        for key, owner in _ONLY_FOR.items()
        if key in raw and engine != owner
    ]
    return params, notes + unused


def _start_pretrained(params, raw):
    """Have the model start from saved weights, or not; return notes on what has no effect."""
    params.pop("pretrained", None)
    model = dict(params.get("model") or {})
    path = model.get("pretrained")
    if path is not None and raw.get("load_pretrained") is False:
        params["model"] = {key: value for key, value in model.items() if key != "pretrained"}
        path, unused = None, ["pretrained has no effect, as load_pretrained is false"]
    else:
        unused = []
    advice = 'add "pretrained": the model.joblib, or the run folder, of an earlier run'
    if raw.get("load_pretrained") and path is None:
        raise ParameterError("load_pretrained", f"no saved weights are named; {advice}")
    if raw.get("pre_train") is False:
        if path is None:
            raise ParameterError(
                "pre_train", f"there are no saved weights to evaluate; {advice}, or use true"
            )
        given = params.get("update") or {}
        params["update"] = {**given, "name": given.get("name") or "retrain", "pre_train": False}
    if isinstance(path, str):  # a run may be gone on with from another folder
        params["model"] = model | {"pretrained": os.path.abspath(path)}
    return unused


def _replay(raw):
    mode = raw.get("hist_sel_mode") or "certain"
    thresholds = raw.get("sel_thresholds")
    if mode in ("no", "all"):
        return {"name": _MODES[mode]}
    if not thresholds:
        raise ParameterError(
            "sel_thresholds",
            f"hist_select with {mode} needs it: the numbers of labels above which old ones are "
            "selected, such as [1000]",
        )
    return {"name": _MODES[mode], "threshold": thresholds if thresholds[1:] else thresholds[0]}


def _pseudo_labels(raw):
    keys = {"threshold": "decay_threshold", "decay": "decay_rate"}
    given = {new: raw[old] for new, old in keys.items() if raw.get(old) is not None}
    return given | {"schedule": "recursive"}


def _set_new(params, key, value):
    if params.get(key) is not None:
        raise ParameterError(key, "framework_type sets it already; give strategy instead of that")
    params[key] = value


def drop_other_name(raw, key):
    """Take out of a file what is about to be given under another name.

    Parameters
    ----------
    raw : dict
        Keys and values of a parameter file, changed in place.
    key : str
        Key that is going to be set, with dots where it is nested.
    """
    for old, new in _OTHER_NAMES.items():
        if key == old:
            parent, _, last = new.rpartition(".")
            if old == "framework_type":
                raw.pop("strategy", None)
            elif not parent:
                raw.pop(last, None)
            elif isinstance(raw.get(parent), dict):
                raw[parent] = {k: v for k, v in raw[parent].items() if k != last}
        elif key in (new, new.removesuffix(".name")):
            raw.pop(old, None)


def _put(params, old, new, value):
    """Store a value under its new key, which may be nested, unless that is taken."""
    target, last = params, new
    if "." in new:
        parent, last = new.split(".")
        target = params[parent] = dict(params.get(parent) or {})
    if target.get(last) is not None:
        raise ParameterError(old, f"it means the same as {new}, which is given too; keep one")
    target[last] = value
