"""AIFT, against a loop over all pairs of copies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal.learner import Learner, UnsupportedStrategyError
from skal.strategies import augmented_copies
from skal.strategies.augmented_copies import (
    AugmentationDisagreement,
    majority_copies,
    pairwise_divergence,
)
from tests.strategies.fakes import FakeNet


def _divergence_of_pairs(copies):
    """The sum over ordered pairs, pair by pair."""
    total = 0.0
    for p in copies:
        for q in copies:
            total += sum((p - q) * np.log(p / q))
    return total


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 5))
def test_divergence_is_the_sum_over_all_pairs(seed, n_copies, n_classes):
    proba = np.random.RandomState(seed).dirichlet(np.ones(n_classes), size=(n_copies, 4))
    expected = [_divergence_of_pairs(np.maximum(proba[:, row], 1e-12)) for row in range(4)]
    np.testing.assert_allclose(pairwise_divergence(proba), expected, rtol=1e-9, atol=1e-12)


def test_divergence_of_certain_predictions_is_finite_and_zero_where_they_agree():
    proba = np.eye(3)[[[0, 0], [0, 1], [0, 2]]]
    scores = pairwise_divergence(proba)
    assert scores[0] == 0
    np.testing.assert_allclose(scores[1], 6 * 2 * -np.log(1e-12))


def test_divergence_of_single_precision_is_added_up_in_double():
    proba = np.random.RandomState(0).dirichlet(np.ones(4), size=(16, 30)).astype(np.float32)
    expected = pairwise_divergence(proba.astype(float))
    np.testing.assert_array_equal(pairwise_divergence(proba), expected)


def _majority(copies, n_kept):
    """The copies of one row that are surest of the class with the highest mean."""
    winner = list(copies.mean(axis=0)).index(max(copies.mean(axis=0)))
    ranked = sorted(copies.tolist(), key=lambda p: p[winner], reverse=True)
    return sorted(ranked[:n_kept])


@pytest.mark.parametrize(("fraction", "n_kept"), [(0.25, 2), (0.01, 1), (0.5, 4), (1.0, 8)])
def test_majority_keeps_the_copies_that_agree_with_the_winner(fraction, n_kept):
    proba = np.random.RandomState(0).dirichlet(np.ones(3), size=(8, 20))
    kept = majority_copies(proba, fraction)
    assert kept.shape == (n_kept, 20, 3)
    for row in range(20):
        assert sorted(kept[:, row].tolist()) == _majority(proba[:, row], n_kept)


def _noise(X, random_state):
    return X + random_state.standard_normal(X.shape)


@pytest.mark.parametrize("augment", [None, _noise], ids=["own", "given"])
def test_scores_are_weighted_sums_over_the_majority(augment, monkeypatch):
    X = np.random.RandomState(1).randn(30, 4)
    net = FakeNet().fit(X, np.arange(30) % 3)
    strategy = AugmentationDisagreement(8, 0.5, 0.3, 2.0, augment)
    scores = strategy.score(Learner(net), X, random_state=5)
    copies = Learner(net).augment_proba(X, 8, np.random.RandomState(5), augment=augment)
    for row in range(30):
        kept = np.array(_majority(copies[:, row], 4))
        expected = 0.3 * -(kept * np.log(kept)).sum() + 2.0 * _divergence_of_pairs(kept)
        np.testing.assert_allclose(scores[row], expected)
    monkeypatch.setattr(augmented_copies, "_CELLS", 8 * 3 * 7)  # seven rows a block
    assert len(strategy.score(Learner(net), X, random_state=5)) == 30


def test_own_augmentation_is_in_front_of_the_pipeline():
    X = np.random.RandomState(1).randn(40, 2)
    y = X[:, 0] > 0
    shift = FunctionTransformer(lambda X: X + 100)
    model = make_pipeline(shift, StandardScaler(), LogisticRegression()).fit(X, y)
    seen = []

    def double(rows, random_state):
        seen.append(np.array(rows))
        return 2 * rows

    learner = Learner(model)
    copies = learner.augment_proba(X, 3, 0, augment=double)
    np.testing.assert_array_equal(seen[0], X)
    np.testing.assert_allclose(copies, np.stack([model.predict_proba(2 * X)] * 3))
    picked = AugmentationDisagreement(3, augment=double).query(model, X, 5, random_state=0)
    assert len(picked) == 5


def test_a_model_without_augmentation_is_told_to_give_one():
    X = np.random.RandomState(1).randn(10, 2)
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    with pytest.raises(UnsupportedStrategyError, match="augmentation function"):
        AugmentationDisagreement().query(model, X, 1)
    assert len(AugmentationDisagreement(augment=_noise).query(model, X, 1)) == 1


@pytest.mark.parametrize("bad", [{"majority": 0}, {"n_copies": 0}, {"augment": "noise"}])
def test_parameters_are_checked_when_asked(bad):
    X = np.zeros((3, 2))
    with pytest.raises(ValueError, match=next(iter(bad))):
        AugmentationDisagreement(**bad).query(FakeNet().fit(X, [0, 1, 0]), X, 1)
