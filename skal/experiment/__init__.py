"""Experiments from a parameter file: parameters, runs, and comparisons."""

import importlib

_HOMES = {
    "Comparison": "comparing.comparison",
    "ExperimentError": "messages",
    "ParameterError": "messages",
    "compare": "comparing.comparison",
    "load_params": "params.parameters",
    "preset_names": "params.presets",
    "read_preset": "params.presets",
    "resume_runs": "runs.run",
    "run_experiment": "runs.run",
}

__all__ = [*sorted(_HOMES)]


def __getattr__(name):
    # The command line checks parameters before it imports anything slow.
    if name in _HOMES:
        return getattr(importlib.import_module(f"skal.experiment.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
