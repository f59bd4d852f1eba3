"""Flat, scaled features for classifiers other than networks."""

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skal._utils.estimators.pipelines import Chain

__all__ = ["with_scaling"]


def with_scaling(model):
    """Return a model with a scaler if it is not a network, and whether its features are flat."""
    if hasattr(Chain(model).answering, "embed"):
        return model, False
    # A Pipeline already defines what comes before its classifier.
    return model if isinstance(model, Pipeline) else make_pipeline(StandardScaler(), model), True
