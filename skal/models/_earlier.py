"""Classes that are no longer here, under the names by which earlier pickles call them."""

from skal.models.cnn import CNNClassifier

__all__ = ["TensorFlowClassifier"]


class TensorFlowClassifier:
    """Makes what this class was: a CNNClassifier with the engine "tensorflow"."""

    def __new__(cls):
        """Make the classifier whose state the pickle sets."""
        classifier = CNNClassifier.__new__(CNNClassifier)
        classifier.engine = "tensorflow"
        return classifier
