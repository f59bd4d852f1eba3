"""Models as people keep them: from recordings to classes, in one file."""

from skal._utils.files.saved_models import ModelError
from skal.recognizer.clip_predictions import Prediction
from skal.recognizer.recognizer import Recognizer
from skal.recognizer.table import PredictionReport, write_predictions

__all__ = ["ModelError", "Prediction", "PredictionReport", "Recognizer", "write_predictions"]
