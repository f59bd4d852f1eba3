"""Presets: parameter files that come with the package."""

import json
from pathlib import Path

from skal._utils.hints import name_allowed
from skal.experiment.messages import ParameterError

__all__ = ["features_for", "preset_for", "preset_names", "preset_rows", "read_preset"]

_FILES = {path.stem: path for path in (Path(__file__).parent / "preset_files").rglob("*.json")}

# Data keys in ALFramework presets, which are about selection engines.
_ABOUT_DATA = ("dataset", "split", "features")


def preset_names():
    """Return the names of the parameter files that come with the package.

    Returns
    -------
    list of str
        Sorted.

    See Also
    --------
    read_preset : The parameters of a preset.

    Examples
    --------
    >>> from skal.experiment import preset_names
    >>> "fsdd" in preset_names()
    True
    """
    return sorted(_FILES)


def read_preset(name):
    """Read a parameter file that comes with the package.

    Parameters
    ----------
    name : str
        One of `preset_names`.

    Returns
    -------
    dict

    Raises
    ------
    ParameterError
        If there is no such preset; the message suggests the nearest name.

    See Also
    --------
    preset_names : The names.
    load_params : Completes the parameters.

    Examples
    --------
    >>> from skal.experiment import load_params, read_preset
    >>> preset = read_preset("fsdd")
    >>> preset["features"]["name"]
    'log_mel'
    >>> params, notes = load_params(preset, [("strategy", "margin"), ("budget", 200)])
    >>> params.strategy.name, params.budget
    ('margin', 200)
    """
    if name not in _FILES:
        hint = name_allowed(name, _FILES)
        raise ParameterError(name, f"neither a file nor a preset of this name; {hint}")
    return json.loads(_FILES[name].read_text(encoding="utf-8"))


def preset_for(name, dataset):
    """Return a preset, without settings for another data set, and notes."""
    raw = read_preset(name)
    if dataset in (None, _dataset(raw)):
        return raw, []
    # Settings tuned on other recordings would silently cost accuracy.
    if "framework_type" in raw:
        kept = {key: value for key, value in raw.items() if key not in _ABOUT_DATA}
    else:
        kept = {}
    dropped = ", ".join(key for key in raw if key not in kept)
    return kept, [f"preset {name} is for {_dataset(raw)}; not used for {dataset}: {dropped}"]


def preset_rows():
    """Return name, data set (and whether it needs a folder) and strategy of each preset."""
    rows = []
    for name in preset_names():
        raw = read_preset(name)
        needs = "" if _dataset(raw) == "sounds" else " (--data_home FOLDER)"
        strategy = raw.get("framework_type") or raw.get("strategy", "margin")
        rows.append((name, _dataset(raw) + needs, strategy))
    return rows


def features_for(dataset):
    """Return the features of the preset named like a data set, or None."""
    if dataset not in _FILES:
        return None
    raw = read_preset(dataset)
    return raw["features"] if _dataset(raw) == dataset else None


def _dataset(raw):
    dataset = raw["dataset"]
    return dataset["name"] if isinstance(dataset, dict) else dataset
