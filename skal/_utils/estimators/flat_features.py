"""Flat, scaled features for classifiers other than networks."""

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skal._utils.estimators.pipelines import Chain

__all__ = ["with_scaling"]


def with_scaling(model):
    """Put a scaler before a model that is not a network; also return whether it needs flat
    features."""
    if hasattr(Chain(model).answering, "embed"):
        return model, False
    # A Pipeline already defines what comes before its classifier.
    return model if isinstance(model, Pipeline) else make_pipeline(StandardScaler(), model), True
