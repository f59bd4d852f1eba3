"""A small network in NumPy that supports every learner method, for the checks."""

import numpy as np
from scipy.sparse import issparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import as_floats

__all__ = ["FakeNet", "JointFakeNet", "PlainFakeNet"]


class PlainFakeNet(ClassifierMixin, BaseEstimator):
    """A hidden tanh layer and a softmax layer with random weights, which only predicts."""

    def __init__(self, n_hidden=6, sharpness=1.0, dropout=0.3, seed=0):
        self.n_hidden = n_hidden
        self.sharpness = sharpness
        self.dropout = dropout
        self.seed = seed

    def fit(self, X, y):
        """Draw the weights."""
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

    def predict_proba(self, X):
        """Predict probabilities."""
        return softmax(self._activations(X) @ self.output_ + self.output_bias_, axis=1)

    def predict(self, X):
        """Predict classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _activations(self, X):
        return np.tanh(_flat(X) @ self.hidden_ + self.hidden_bias_)


class FakeNet(PlainFakeNet):
    """A `PlainFakeNet` with all other learner methods."""

    def embed(self, X):
        """Return the hidden activations."""
        return self._activations(X)

    def sample_proba(self, X, n_samples, random_state=None):
        """Predict with dropout, with the same hidden units for every row."""
        rng = check_random_state(random_state)
        masks = rng.uniform(size=(n_samples, 1, self.n_hidden)) >= self.dropout
        embedding = self.embed(X)
        logits = (embedding * masks.astype(embedding.dtype)) @ self.output_ + self.output_bias_
        return softmax(logits, axis=2)

    def augment(self, X, random_state=None):
        """Add noise."""
        rng = check_random_state(random_state)
        rows = _dense(X)
        return rows + 0.3 * rng.standard_normal(rows.shape).astype(rows.dtype)

    def gradient_length(self, X):
        """Compute the expected length of the gradient over all weights."""
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
    """A `FakeNet` that returns probabilities and embeddings from one pass."""

    def predict_proba_embed(self, X):
        """Return probabilities and hidden activations."""
        return self.predict_proba(X), self.embed(X)


def _dense(X):
    return as_floats(X.toarray() if issparse(X) else X)


def _flat(X):
    X = _dense(X)
    return X.reshape(len(X), -1)
