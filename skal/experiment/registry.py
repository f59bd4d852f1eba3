"""Objects by name: strategies, models, features, and data sets."""

import importlib
import inspect
import re
from functools import partial

from sklearn.base import BaseEstimator

from skal._utils.hints import name_allowed
from skal._utils.private import InvalidParameterError, StrOptions
from skal.experiment.messages import ParameterError

__all__ = ["build", "check_arguments", "component_names", "find_component", "name_of_class"]

# Names in parameter files that differ from the class names.
_SHORT = {
    "AugmentationDisagreement": "aift",
    "CoreSet": "coreset",
    "DensityPeaksSampling": "dpc",
    "EntropyDensityPeaks": "edpc",
    "ExpectedChangeOfGradient": "ecg",
    "ExpectedGradientLength": "egl",
    "ResNet": "resnet",
    "TypiClust": "typiclust",
}

_SCIKIT_LEARN = {
    "logistic_regression": ("sklearn.linear_model", "LogisticRegression"),
    "random_forest": ("sklearn.ensemble", "RandomForestClassifier"),
    "nearest_neighbors": ("sklearn.neighbors", "KNeighborsClassifier"),
}

# Defaults that differ from the class's own: 100 iterations do not converge on sound features.
_OTHER_DEFAULTS = {"LogisticRegression": {"max_iter": 1000}}

# Parameters whose values are components, and the default component if the name is missing. Lists,
# such as the stages of a schedule, may contain names at any depth.
_COMPONENTS = {
    "augmentation": "spectrogram_augmentation",
    "network": "compact_cnn",
    "score": None,
    "stages": None,
    "strategy": None,
    "then": None,
}


def name_of_class(cls):
    """Return the name of a class in parameter files and folders: "margin" for MarginSampling."""
    name = cls.__name__
    if name in _SHORT:
        return _SHORT[name]
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removesuffix("Sampling"))
    return name.lower()


def _public_classes(module, base):
    """Return the concrete public subclasses of a base by short name."""
    public = [getattr(module, name) for name in module.__all__]
    classes = [item for item in public if isinstance(item, type) and issubclass(item, base)]
    return {
        name_of_class(cls): cls
        for cls in classes
        if cls is not base and not inspect.isabstract(cls)
    }


def _strategies():
    from skal import strategies

    return _public_classes(strategies, strategies.QueryStrategy)


def _networks():
    from skal import models

    return _public_classes(models, models.Network)


def _models():
    from skal import models

    table = {
        name: getattr(importlib.import_module(module), cls)
        for name, (module, cls) in _SCIKIT_LEARN.items()
    }
    table["embedding_classifier"] = models.make_embedding_classifier
    return {"cnn": models.CNNClassifier, **table}


def _augmentations():
    from skal.models.augmentation import SpectrogramAugmentation

    return {"spectrogram_augmentation": SpectrogramAugmentation}


def _features():
    from skal import audio

    return {
        "embedding": audio.PretrainedEmbedding,
        "log_mel": audio.LogMelSpectrogram,
        "mfcc": audio.MFCC,
    }


def _datasets():
    from skal import datasets

    loaders = [name for name in datasets.__all__ if name.startswith("load_")]
    table = {name.removeprefix("load_"): getattr(datasets, name) for name in loaders}
    if "audio_folder" in table:
        table["folder"] = table.pop("audio_folder")
    return {"sounds": datasets.make_sounds, **table}


def _updates():
    from skal.campaign import Finetune, Retrain, ShrinkPerturb

    return {"retrain": Retrain, "finetune": Finetune, "shrink_perturb": ShrinkPerturb}


def _replays():
    from skal.campaign import Replay

    return {mode: partial(Replay, mode=mode) for mode in ("none", "uncertain", "var", "diverse")}


def _pseudo_labels():
    from skal.campaign import PseudoLabels

    return {"pseudo_labels": PseudoLabels}


def _stopping():
    from skal import campaign

    return _public_classes(campaign, campaign.StoppingCriterion)


# Allowed names of each key. Names are looked up on use, so a new strategy, network or loader works
# as soon as its package exports it.
_TABLES = {
    "augmentation": _augmentations,
    "dataset": _datasets,
    "features": _features,
    "model": _models,
    "network": _networks,
    "pseudo_labels": _pseudo_labels,
    "replay": _replays,
    "stopping": _stopping,
    "strategy": _strategies,
    "update": _updates,
}


def component_names(kind):
    """Return the sorted names that a key such as "strategy" allows."""
    return sorted(_TABLES[kind]())


def find_component(kind, name, key=None):
    """Return the class or function with a given name; case and underscores do not matter."""
    table = _TABLES[kind]()
    known = {_squash(short): found for short, found in table.items()}
    classes = [found for found in table.values() if not isinstance(found, partial)]
    known |= {_squash(found.__name__): found for found in classes}
    if not isinstance(name, str) or _squash(name) not in known:
        hint = name_allowed(name, table)
        raise ParameterError(key or kind, f"there is no {kind} named {name!r}; {hint}")
    return known[_squash(name)]


def build(kind, name, params, key=None):
    """Build an object from its name and parameters; errors name its key."""
    key = key or kind
    cls = find_component(kind, name, key)
    check_arguments(cls, params, key)
    values = {param: _value(kind, cls, param, value, key) for param, value in params.items()}
    values = _OTHER_DEFAULTS.get(_class_name(cls), {}) | values
    for param, taken in inspect.signature(cls).parameters.items():
        if taken.default is taken.empty and param not in values:
            raise ParameterError(f"{key}.{param}", f"missing; {name} needs it")
    instance = cls(**values)
    _check_values(instance, key)
    return instance


def check_arguments(function, params, key):
    """Refuse parameters that a class or a function does not take."""
    fixed = function.keywords if isinstance(function, partial) else {}
    taken = [
        name
        for name in inspect.signature(function).parameters
        if name != "kwargs" and name not in fixed
    ]
    for param in params:
        if param not in taken:
            hint = name_allowed(param, taken) if taken else "it takes none"
            raise ParameterError(
                f"{key}.{param}", f"{_class_name(function)} has no such parameter; {hint}"
            )


def _value(kind, cls, param, value, key):
    """Build a nested component; leave any other value as it is."""
    inner = param if param in _TABLES else kind
    if isinstance(value, list):
        return [_value(kind, cls, param, item, key) for item in value]
    if isinstance(value, str) and param in _COMPONENTS and value not in _options(cls, param):
        value = {"name": value}
    if not isinstance(value, dict):
        return value
    name = value.get("name", _default_name(cls, param))
    if name is None:
        return value
    given = {k: v for k, v in value.items() if k != "name"}
    return build(inner, name, given, f"{key}.{param}")


def _options(cls, param):
    """Return the strings, such as "auto", that a parameter accepts."""
    allowed = getattr(cls, "_parameter_constraints", {}).get(param, ())
    return set().union(*(item.options for item in allowed if isinstance(item, StrOptions)))


def _default_name(cls, param):
    default = inspect.signature(cls).parameters[param].default
    if isinstance(default, BaseEstimator):
        return type(default).__name__
    return _COMPONENTS.get(param)


def _check_values(instance, key):
    try:
        if hasattr(instance, "_parameter_constraints"):
            instance._validate_params()
    except InvalidParameterError as error:
        found = re.match(r"The '(\w+)' parameter of \w+ (.*)", str(error), re.DOTALL)
        if found is None:
            raise ParameterError(key, error) from error
        raise ParameterError(f"{key}.{found[1]}", found[2]) from error


def _class_name(found):
    return (found.func if isinstance(found, partial) else found).__name__


def _squash(name):
    return name.replace("_", "").replace("-", "").lower()
