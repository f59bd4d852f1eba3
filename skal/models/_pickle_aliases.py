"""Former classes, under the names in earlier pickles."""

from skal.models.cnn import CNNClassifier

__all__ = ["TensorFlowClassifier"]


class TensorFlowClassifier:
    """Creates a CNNClassifier with the engine "tensorflow" instead."""

    def __new__(cls):
        """Create the classifier; the pickle sets its state."""
        classifier = CNNClassifier.__new__(CNNClassifier)
        classifier.engine = "tensorflow"
        return classifier
