"""Presets: the parameter files that come with the package."""

import json
from pathlib import Path

from skal.experiment.messages import ParameterError, did_you_mean

__all__ = ["features_for", "preset_names", "preset_rows", "read_preset"]

_FILES = {path.stem: path for path in (Path(__file__).parent / "presets").rglob("*.json")}


def preset_names():
    """Return the names of the parameter files that come with the package.

    Returns
    -------
    list of str
        Sorted.
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
        If there is none of this name; it names the nearest.
    """
    names = preset_names()
    if name not in names:
        raise ParameterError(
            name, f"neither a file nor a preset of this name; {did_you_mean(name, names)}"
        )
    return json.loads(_FILES[name].read_text(encoding="utf-8"))


def preset_rows():
    """Describe the presets.

    Returns
    -------
    list of tuple (name, data, does)
        Name, data set and whether it needs --data-home, strategy.
    """
    rows = []
    for name in preset_names():
        raw = read_preset(name)
        dataset = _dataset(raw)
        needs = "" if dataset == "sounds" else " (--data-home FOLDER)"
        strategy = raw.get("framework_type") or raw.get("strategy", "margin")
        rows.append((name, dataset + needs, strategy))
    return rows


def features_for(dataset):
    """Return the features of the preset that is named like a data set.

    Parameters
    ----------
    dataset : str
        Name of a data set.

    Returns
    -------
    dict or None
        With their name; None where there is no such preset.
    """
    if dataset not in preset_names():
        return None
    raw = read_preset(dataset)
    return dict(raw["features"]) if _dataset(raw) == dataset else None


def _dataset(raw):
    dataset = raw["dataset"]
    return dataset["name"] if isinstance(dataset, dict) else dataset
