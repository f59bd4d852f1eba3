"""Uncertainty of single predictions, against plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from skal.strategies.uncertainty import (
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    entropy,
    least_confidence,
    negative_margin,
)


def _entropy(row):
    return -math.fsum(p * math.log(p) for p in row if p > 0)


def _least_confidence(row):
    return 1 - max(row)


def _negative_margin(row):
    ranked = sorted(row, reverse=True)
    return -ranked[0] + (ranked[1] if len(ranked) > 1 else 0)


PAIRS = [
    (entropy, _entropy),
    (least_confidence, _least_confidence),
    (negative_margin, _negative_margin),
]


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
@pytest.mark.parametrize(("function", "oracle"), PAIRS)
def test_uncertainty_of_single_rows(function, oracle, seed, n_classes, sure):
    concentration = np.full(n_classes, 0.02 if sure else 1)
    proba = np.random.RandomState(seed).dirichlet(concentration, size=9)
    expected = [oracle(row) for row in proba.tolist()]
    np.testing.assert_allclose(function(proba), expected, atol=1e-12)
    np.testing.assert_allclose(function(proba.astype(np.float32)), expected, atol=1e-5)
    stacked = function(proba.reshape(3, 3, n_classes))
    np.testing.assert_array_equal(stacked, function(proba).reshape(3, 3))


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize(("function", "_"), PAIRS)
def test_uncertainty_lies_between_certain_and_uniform(function, _, n_classes):
    proba = np.random.RandomState(0).dirichlet(np.ones(n_classes), size=200)
    scores = function(proba)
    assert function(np.eye(n_classes)).max() <= scores.min()
    assert scores.max() <= function(np.full((1, n_classes), 1 / n_classes))[0]


@pytest.mark.parametrize(
    ("strategy", "oracle"),
    [
        (EntropySampling(), _entropy),
        (LeastConfidenceSampling(), _least_confidence),
        (MarginSampling(), _negative_margin),
    ],
)
def test_strategies_take_the_most_uncertain_rows(strategy, oracle):
    X = np.random.RandomState(0).randn(120, 2)
    model = LogisticRegression().fit(X[:30], np.arange(30) % 3)
    positions, scores = strategy.query(model, X, 12, random_state=0, return_scores=True)
    expected = np.array([oracle(row) for row in model.predict_proba(X).tolist()])
    np.testing.assert_array_equal(positions, np.argsort(-expected)[:12])
    np.testing.assert_allclose(scores, expected[positions], atol=1e-12)
