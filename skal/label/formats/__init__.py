"""Labels out of a project and into it: tables, JSON, and the files of other programs."""

from skal.label.formats.exports import EXPORT_FORMATS, export_labels
from skal.label.formats.imports import read_labels
from skal.label.formats.problems import LabelFileError, LabelProblem

__all__ = ["EXPORT_FORMATS", "LabelFileError", "LabelProblem", "export_labels", "read_labels"]
