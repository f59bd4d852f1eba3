"""Scaling of flat features, for classifiers that are no networks."""

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skal._utils.estimators.pipelines import Chain

__all__ = ["with_scaling"]


def with_scaling(model):
    """Return the model, scaled if it is no network, and whether its features must be flat."""
    if hasattr(Chain(model).answering, "embed"):
        return model, False
    # A Pipeline says itself what comes before its classifier.
    return model if isinstance(model, Pipeline) else make_pipeline(StandardScaler(), model), True
