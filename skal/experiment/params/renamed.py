"""Former names in skal's parameter files, and their replacements."""

from skal.experiment.messages import ParameterError

__all__ = ["before_renaming", "translate_renamed"]

# Renamed parameters of strategies and criteria: (before, now).
_PARAMETERS = {
    "bald": ("n_samples", "n_models"),
    "powerbald": ("n_samples", "n_models"),
    "batchbald": ("n_samples", "n_models"),
    "maxpergroup": ("k", "n_per_group"),
    "neighborpool": ("k", "n_neighbors"),
    "nogain": ("rounds", "n_rounds"),
    "stabilizedpredictions": ("rounds", "n_rounds"),
}
_PLACES = ("strategy", "initial_strategy", "stopping")
_MODES = ("certain", "uncertain")
_KEYS = {"test_fraction": "test_percent", "validation_fraction": "valid_percent"}


def translate_renamed(raw):
    """Return parameters with current names, and a note on each renamed one."""
    notes = []
    renamed = {
        name: _translate(name, value, 0, notes) if name in _PLACES else value
        for name, value in raw.items()
    }
    if "replay" in raw:
        renamed["replay"] = _translate_mode(_without_all(raw["replay"], notes), 0, notes)
    return renamed, list(dict.fromkeys(notes))


def before_renaming(used):
    """Return parameters with their former names, whose digest names the run folders."""
    old = {
        _KEYS.get(name, name): _translate(name, value, 1, []) if name in _PLACES else value
        for name, value in used.items()
    }
    if "replay" in used:
        old["replay"] = _translate_mode(used["replay"], 1, [])
    return old


def _translate(place, value, source, notes):
    """Rename parameters of components at any depth, from `pair[source]` to the pair's other."""
    if isinstance(value, list):
        return [_translate(place, item, source, notes) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: _translate(place, inner, source, notes) for name, inner in value.items()}
    component = str(value.get("name")).replace("_", "").replace("-", "").lower()
    pair = _PARAMETERS.get(component, ("", ""))
    found, wanted = pair[source], pair[1 - source]
    if found not in value:
        return value
    if wanted in value:
        raise ParameterError(
            f"{place}.{found}", f"it means the same as {wanted}, which is also given; keep one"
        )
    notes.append(f"{place}: {found} of {value['name']} is called {wanted} now")
    return {wanted if name == found else name: inner for name, inner in value.items()}


def _without_all(replay, notes):
    name = replay.get("name") if isinstance(replay, dict) else replay
    if name != "all":
        return replay
    notes.append("replay: all is called null now")
    return None


def _translate_mode(replay, source, notes):
    found, wanted = _MODES[source], _MODES[1 - source]
    if replay == found:
        notes.append(f"replay: {found} is called {wanted} now")
        return wanted
    if isinstance(replay, dict) and replay.get("name") == found:
        return replay | {"name": _translate_mode(found, source, notes)}
    return replay
