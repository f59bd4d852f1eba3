"""What the tests of strategies share: fakes, a recorder, and numeric gradients."""

import numpy as np

from skal.strategies.base import QueryStrategy
from skal.strategies.checks.fake_net import FakeNet, JointFakeNet

__all__ = ["FakeNet", "JointFakeNet", "Recorder", "finite_differences"]


def finite_differences(loss, weights, step=1e-6):
    """Differentiate a function of weights by central differences, one weight at a time.

    `weights` are arrays that are changed in place and put back.
    """
    gradients = []
    for array in weights:
        gradient = np.empty_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + step
            above = loss()
            array[place] = kept - step
            gradient[place] = (above - loss()) / (2 * step)
            array[place] = kept
        gradients.append(gradient)
    return gradients


class Recorder(QueryStrategy):
    """Takes the first rows, and keeps what it was asked."""

    def __init__(self, calls):
        self.calls = calls

    def __sklearn_clone__(self):
        return self

    def select(self, learner, X, n_instances, **context):
        self.calls.append({"X": np.asarray(X), "n_instances": n_instances, **context})
        return np.arange(n_instances), np.arange(n_instances) / 10
