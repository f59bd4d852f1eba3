"""Experiments from one parameter file: parameters, runs and their folders."""

import importlib

_HOMES = {
    "Comparison": "comparison",
    "ExperimentError": "messages",
    "Interrupted": "messages",
    "ParameterError": "messages",
    "Params": "params",
    "compare": "comparison",
    "load_params": "params",
    "preset_names": "presets",
    "read_preset": "presets",
    "resume_runs": "run",
    "run_experiment": "run",
}

__all__ = [*sorted(_HOMES)]


def __getattr__(name):
    # The command line checks parameters before it loads what runs them.
    if name in _HOMES:
        return getattr(importlib.import_module(f"skal.experiment.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
