"""Classifiers for sounds, and the networks that they train."""

import importlib

_HOMES = {
    "CNNClassifier": "keras",
    "CompactCNN": "networks",
    "DenseNet": "networks",
    "Network": "networks",
    "SpectrogramAugmentation": "augmentation",
}

__all__ = ["CNNClassifier", "CompactCNN", "DenseNet", "Network", "SpectrogramAugmentation"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"skal.models.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
