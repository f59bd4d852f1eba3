"""A small network in NumPy that answers all that a strategy may ask."""

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from skal.strategies.base import QueryStrategy


class FakeNet(ClassifierMixin, BaseEstimator):
    """One hidden tanh layer and a softmax layer, with random weights.

    Parameters
    ----------
    n_hidden : int
        Width of the hidden layer.
    sharpness : float
        Factor of the last layer's weights; 1e9 makes probabilities of exactly 0 and 1.
    dropout : float
        Share of hidden units that a sample of the model drops.
    seed : int
        Draws the weights.
    """

    def __init__(self, n_hidden=6, sharpness=1.0, dropout=0.3, seed=0):
        self.n_hidden = n_hidden
        self.sharpness = sharpness
        self.dropout = dropout
        self.seed = seed

    def fit(self, X, y):
        rng = np.random.RandomState(self.seed)
        flat = _flat(X)
        self.classes_ = np.unique(y)
        shape = (flat.shape[1], self.n_hidden)
        self.hidden_ = (rng.randn(*shape) / np.sqrt(shape[0])).astype(flat.dtype)
        self.hidden_bias_ = rng.randn(self.n_hidden).astype(flat.dtype)
        output = rng.randn(self.n_hidden, len(self.classes_)) * self.sharpness
        self.output_ = output.astype(flat.dtype)
        self.output_bias_ = rng.randn(len(self.classes_)).astype(flat.dtype)
        return self

    def embed(self, X):
        return np.tanh(_flat(X) @ self.hidden_ + self.hidden_bias_)

    def predict_proba(self, X):
        return softmax(self.embed(X) @ self.output_ + self.output_bias_, axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def sample_proba(self, X, n_samples, random_state=None):
        rng = check_random_state(random_state)
        masks = rng.uniform(size=(n_samples, 1, self.n_hidden)) >= self.dropout
        embedding = self.embed(X)
        logits = (embedding * masks.astype(embedding.dtype)) @ self.output_ + self.output_bias_
        return softmax(logits, axis=2)

    def augment(self, X, random_state=None):
        rng = check_random_state(random_state)
        return X + 0.3 * rng.standard_normal(np.shape(X)).astype(np.asarray(X).dtype)

    def gradient_length(self, X):
        """Expected over the labels, the length of the gradient over all weights."""
        flat, embedding, proba = _flat(X), self.embed(X), self.predict_proba(X)
        total = np.zeros(len(flat))
        for label in range(len(self.classes_)):
            residual = proba - np.eye(len(self.classes_))[label]
            behind = (residual @ self.output_.T) * (1 - embedding**2)
            squares = (residual**2).sum(1) * ((embedding**2).sum(1) + 1)
            squares += (behind**2).sum(1) * ((flat**2).sum(1) + 1)
            total += proba[:, label] * np.sqrt(squares)
        return total


class JointFakeNet(FakeNet):
    """A `FakeNet` that gives probabilities and embeddings of one pass."""

    def predict_proba_embed(self, X):
        return self.predict_proba(X), self.embed(X)


def _flat(X):
    X = np.asarray(X)
    return X.reshape(len(X), -1)


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
