"""Models that take recordings, each saved in one file."""

from skal._utils.files.saved_models import ModelError
from skal.recognizer.recognizer import Recognizer
from skal.recognizer.table import write_predictions

__all__ = ["ModelError", "Recognizer", "write_predictions"]
