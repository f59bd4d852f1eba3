"""Label recordings: a project, the page for people, and the model that learns from them."""

import importlib

_HOMES = {
    "Finder": "learning.find_more",
    "LabelingProject": "project",
    "ProjectError": "store.project_error",
    "Trainer": "learning.trainer",
    "serve": "web.server",
    "label_in_terminal": "terminal",
    **dict.fromkeys(("LabelFileError", "export_labels", "read_labels"), "formats"),
}

__all__ = [
    "Finder",
    "LabelFileError",
    "LabelingProject",
    "ProjectError",
    "Trainer",
    "export_labels",
    "label_in_terminal",
    "read_labels",
    "serve",
]


def __getattr__(name):
    # SQLAlchemy is an extra: importing `skal.label` must not need it.
    if name in _HOMES:
        return getattr(importlib.import_module(f"skal.label.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'skal.label' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
