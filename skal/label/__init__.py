"""People label: a project, the page that they label in, and the model that learns from it."""

import importlib

_HOMES = {
    "LabelingProject": "project",
    "TrainingWorker": "learning.worker",
    "create_app": "web.server",
    "serve": "web.server",
    "label_in_terminal": "terminal",
    **dict.fromkeys(
        ("LabelFileError", "LabelProblem", "export_labels", "read_labels"),
        "formats",
    ),
    **dict.fromkeys(
        (
            "ModelError",
            "Prediction",
            "PredictionReport",
            "load_model",
            "predict_clips",
            "predict_folder",
        ),
        "predict",
    ),
    **dict.fromkeys(
        (
            "Agreement",
            "Answer",
            "AnswerReceipt",
            "ClassInfo",
            "ClipInfo",
            "Estimate",
            "ImportReport",
            "ImportedLabel",
            "LabelRow",
            "Progress",
            "ProjectError",
            "Question",
            "Training",
        ),
        "asking.records",
    ),
}

__all__ = [
    "Agreement",
    "Answer",
    "AnswerReceipt",
    "ClassInfo",
    "ClipInfo",
    "Estimate",
    "ImportReport",
    "ImportedLabel",
    "LabelFileError",
    "LabelProblem",
    "LabelRow",
    "LabelingProject",
    "ModelError",
    "Prediction",
    "PredictionReport",
    "Progress",
    "ProjectError",
    "Question",
    "Training",
    "TrainingWorker",
    "create_app",
    "export_labels",
    "label_in_terminal",
    "load_model",
    "predict_clips",
    "predict_folder",
    "read_labels",
    "serve",
]


def __getattr__(name):
    # The data base is an extra: without it, `skal.label` can still say what is missing.
    if name in _HOMES:
        return getattr(importlib.import_module(f"skal.label.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'skal.label' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
