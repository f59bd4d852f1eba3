"""Classifiers for sounds, and their networks."""

import importlib

_HOMES = {
    "ActivationRoot": "embedded",
    "CNNClassifier": "cnn",
    "CompactCNN": "networks",
    "DenseNet": "networks",
    "LogisticHead": "embedded",
    "Network": "networks",
    "PiczakCNN": "networks",
    "ResNet": "networks",
    "SegmentVoting": "networks",
    "SpectrogramAugmentation": "augmentation",
    "SpectrogramNetwork": "networks",
    "VGGish": "networks",
    "make_embedding_classifier": "embedded",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"skal.models.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
