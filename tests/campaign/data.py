"""Small data and cheap classifiers for the tests of campaigns."""

import numpy as np
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearningClassifier


def blobs(n_samples=80, n_classes=4, seed=0):
    """Return points of some overlapping classes, and their labels."""
    X, y = make_blobs(n_samples, centers=n_classes, cluster_std=3.0, random_state=seed)
    return X, y


def model():
    """Return a classifier that trains in milliseconds."""
    return LogisticRegression(max_iter=200)


def permute_hidden(y, revealed, seed):
    """Return y with the labels of rows that are not in `revealed` permuted."""
    y = y.copy()
    hidden = np.setdiff1d(np.arange(len(y)), revealed)
    y[hidden] = np.random.RandomState(seed).permutation(y[hidden])
    return y


def campaign(estimator, strategy=None, **params):
    """Return a campaign of three rounds on a pool such as that of the irises."""
    defaults = {"n_initial": 12, "n_instances": 20, "budget": 52, "random_state": 0}
    return ActiveLearningClassifier(estimator, strategy, **{**defaults, **params})
