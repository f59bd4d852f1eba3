"""Labels out of a project and into it: tables, JSON, and files of other programs."""

from skal.label.formats.files import FORMATS, ImportedLabels, export_labels, read_labels
from skal.label.formats.problems import LabelFileError, LabelProblem

__all__ = [
    "FORMATS",
    "ImportedLabels",
    "LabelFileError",
    "LabelProblem",
    "export_labels",
    "read_labels",
]
