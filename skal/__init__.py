"""Active learning for sound: choose which recordings to label next, and train a CNN on them."""

import importlib

__version__ = "0.1.0"

_SUBPACKAGES = {
    "audio",
    "campaign",
    "cluster",
    "datasets",
    "display",
    "experiment",
    "label",
    "learner",
    "metrics",
    "models",
    "recognizer",
    "search",
    "strategies",
}
_NAMES = {"ActiveLearningClassifier": "skal.campaign"}

__all__ = ["ActiveLearningClassifier", "__version__", *sorted(_SUBPACKAGES)]


def __getattr__(name):
    # Subpackages load on first use: a script that only needs features never waits for TensorFlow.
    if name in _SUBPACKAGES:
        return importlib.import_module(f"skal.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'skal' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
