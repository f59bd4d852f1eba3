"""Label files: tables, JSON, and the formats of other programs."""

from skal.label.formats.problems import LabelFileError, LabelProblem
from skal.label.formats.read_write import FORMATS, ImportedLabels, export_labels, read_labels

__all__ = [
    "FORMATS",
    "ImportedLabels",
    "LabelFileError",
    "LabelProblem",
    "export_labels",
    "read_labels",
]
