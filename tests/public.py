"""The public API as it is: which names skal gives away, and where they live."""

import importlib
import inspect
import pkgutil

from sklearn.base import BaseEstimator

import skal


def public_modules():
    """Return the names of the public modules: skal's rooms, and two modules of strategies."""
    return sorted([*front_door(), "skal.strategies.checks", "skal.strategies.functions"])


def front_door():
    """Return the names of skal's rooms, the command line left out."""
    rooms = (info.name for info in pkgutil.iter_modules(skal.__path__))
    return [f"skal.{room}" for room in sorted(rooms) if room[0] != "_" and room != "cli"]


def public_names():
    """Return the full name of every class, function and constant in a module's ``__all__``."""
    return [
        f"{module}.{name}"
        for module in public_modules()
        for name in importlib.import_module(module).__all__
    ]


def load(full_name):
    """Return what a full name stands for."""
    module, _, name = full_name.rpartition(".")
    return getattr(importlib.import_module(module), name)


def public_classes():
    """Return the full names of the public classes."""
    return [name for name in public_names() if inspect.isclass(load(name))]


def parameter_objects():
    """Return the full names of the public estimators, transformers and parameter objects."""
    return [
        name
        for name in public_classes()
        if issubclass(load(name), BaseEstimator) and not inspect.isabstract(load(name))
    ]


def public_methods(cls):
    """Return the names of the public methods of a class that are skal's own code."""
    names = []
    for name in dir(cls):
        function = inspect.unwrap(inspect.getattr_static(cls, name), stop=_is_plain)
        function = getattr(function, "__func__", getattr(function, "fn", function))
        ours = getattr(function, "__module__", None) or ""
        if name[0] != "_" and inspect.isfunction(function) and ours.startswith("skal."):
            names.append(name)
    return names


def _is_plain(function):
    return inspect.isfunction(function) and not hasattr(function, "__wrapped__")
