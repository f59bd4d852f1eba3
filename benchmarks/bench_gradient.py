"""Uncertainty and gradient strategies against modAL and scikit-activeml, on the same arrays.

Both sides get the same probabilities, and for BADGE the same logistic regression, whose
embedding is X. Before anything is timed, both are shown to pick the rows that the definition
says: BADGE from the same random numbers.

    python benchmarks/bench_gradient.py            # n = 20,000, D = 128, C = 10, B = 200
    python benchmarks/bench_gradient.py --quick

Needs scikit-activeml and modAL-python beside skal.
"""

import argparse
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skal.strategies.gradient import BADGE
from skal.strategies.uncertainty import EntropySampling, MarginSampling, entropy, negative_margin

N_LABELED, N_DIMENSIONS, N_CLASSES = 500, 128, 10


def rows(quick=False):
    """Yield (name, our seconds, peer, peer's seconds, ratio to reach) for every comparison."""
    n_samples, n_instances = (2_000, 20) if quick else (20_000, 200)
    X, X_labeled, y_labeled = _data(n_samples)
    model = LogisticRegression(max_iter=200).fit(X_labeled, y_labeled)
    yield from _compare_modal(_Known(model.predict_proba(X)), n_instances)
    yield _compare_badge(model, X, X_labeled, y_labeled, n_instances)


def _data(n_samples):
    X, y = make_blobs(
        n_samples + N_LABELED,
        N_DIMENSIONS,
        centers=2 * N_CLASSES,
        center_box=(-1.0, 1.0),
        cluster_std=2.0,
        random_state=0,
    )
    return X[N_LABELED:], X[:N_LABELED], y[:N_LABELED] % N_CLASSES


class _Known(ClassifierMixin, BaseEstimator):
    """Looks up probabilities by row number, so that predicting hides no difference."""

    def __init__(self, proba):
        self.proba = proba
        self.classes_ = np.arange(proba.shape[1])

    def predict_proba(self, X):
        return self.proba[X[:, 0]]


def _compare_modal(model, n_instances):
    from modAL.models import ActiveLearner
    from modAL.uncertainty import entropy_sampling, margin_sampling

    X = np.arange(len(model.proba))[:, None]
    peer = ActiveLearner(model)
    for name, strategy, score, function in [
        ("margin", MarginSampling(), negative_margin, margin_sampling),
        ("entropy", EntropySampling(), entropy, entropy_sampling),
    ]:
        ours = strategy.query(model, X, n_instances, random_state=0)
        theirs, _ = function(peer, X, n_instances=n_instances)
        scores = score(model.predict_proba(X))
        np.testing.assert_allclose(np.sort(scores[ours]), np.sort(scores[theirs]), atol=1e-12)
        yield (
            name,
            *_interleave(
                lambda strategy=strategy: strategy.query(model, X, n_instances, random_state=0),
                "modAL",
                lambda function=function: function(peer, X, n_instances=n_instances),
                repeats=30,
            ),
            1.0,
        )


def _compare_badge(model, X, X_labeled, y_labeled, n_instances):
    _check_badge(model, X[:2000], X_labeled, y_labeled)
    return (
        "BADGE",
        *_interleave(
            lambda: BADGE().query(model, X, n_instances, random_state=0),
            "scikit-activeml",
            _peer_badge(X, X_labeled, y_labeled, n_instances),
            repeats=3,
        ),
        10.0,
    )


def _peer_badge(X, X_labeled, y_labeled, n_instances):
    """Return a function that asks the peer, with a model fitted as ours."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import Badge
    from skactiveml.utils import MISSING_LABEL

    everything = np.concatenate([X, X_labeled])
    y = np.concatenate([np.full(len(X), MISSING_LABEL), y_labeled])
    classifier = SklearnClassifier(LogisticRegression(max_iter=200), classes=range(N_CLASSES))
    classifier.fit(X_labeled, y_labeled)

    def ask():
        strategy = Badge(random_state=0)
        return strategy.query(everything, y, clf=classifier, fit_clf=False, batch_size=n_instances)

    return ask


def _check_badge(model, X, X_labeled, y_labeled, n_instances=40):
    """Show that both are k-means++ on the gradients, given the same random numbers.

    There is one difference: the peer counts the origin as a pick before the first, so that no
    distance is longer than the gradient itself.
    """
    from skactiveml.utils import check_random_state

    # The peer derives its seed from the one given and the number of unlabeled rows.
    draws = check_random_state(0, len(X) + 1).get_state()
    ours = BADGE().query(model, X, n_instances, random_state=_random_state(draws))
    expected = _dense_badge(model.predict_proba(X), X, n_instances, _random_state(draws))
    np.testing.assert_array_equal(ours, expected)
    theirs = _peer_badge(X, X_labeled, y_labeled, n_instances)()
    expected = _dense_badge(model.predict_proba(X), X, n_instances, _random_state(draws), True)
    np.testing.assert_array_equal(theirs, expected)


def _dense_badge(proba, embedding, n_instances, rng, origin=False):
    """k-means++ on whole gradients, as its definition says."""
    residual = proba - np.eye(proba.shape[1])[proba.argmax(axis=1)]
    gradients = (residual[:, :, None] * embedding[:, None, :]).reshape(len(proba), -1)
    lengths = (gradients**2).sum(axis=1)
    nearest = lengths if origin else np.full(len(lengths), np.inf)
    picks = [np.argmax(lengths)]
    while len(picks) < n_instances:
        distances = ((gradients - gradients[picks[-1]]) ** 2).sum(axis=1)
        nearest = np.minimum(nearest, distances)
        cumulated = np.cumsum(nearest)
        picks.append(np.searchsorted(cumulated, rng.uniform() * cumulated[-1], side="right"))
    return picks


def _random_state(state):
    """Make a generator in a given state."""
    rng = np.random.RandomState()
    rng.set_state(state)
    return rng


def _interleave(ours, peer_name, theirs, repeats):
    """Time two functions in turn; return the best of each, so that a busy machine is fair."""
    best = [np.inf, np.inf]
    for _ in range(repeats):
        for side, function in enumerate([ours, theirs]):
            start = time.perf_counter()
            function()
            best[side] = min(best[side], time.perf_counter() - start)
    return best[0], peer_name, best[1]


def main():
    """Print one line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    for name, ours, peer, theirs, required in rows(**vars(parser.parse_args())):
        print(
            f"{name:10} skal {ours:.4f} s, {peer} {theirs:.4f} s: "
            f"{theirs / ours:.1f} times as fast (to reach: {required})"
        )


if __name__ == "__main__":
    main()
