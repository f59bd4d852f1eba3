"""The gradient strategies, against finite differences and dense gradients."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.linear_model import LogisticRegression

from skal.learner import Learner, UnsupportedStrategyError
from skal.strategies.gradient import (
    BADGE,
    ExpectedChangeOfGradient,
    ExpectedGradientLength,
    badge,
    expected_change_of_gradient,
    expected_gradient_length,
)
from tests.strategies.fakes import FakeNet, finite_differences


@pytest.fixture(params=[1.0, 5.0], ids=["unsure", "sure"])
def net(request):
    rng = np.random.RandomState(3)
    X, y = rng.randn(7, 5), np.array([0, 1, 2, 3, 0, 1, 2])
    return FakeNet(n_hidden=4, sharpness=request.param).fit(X, y), X


def _gradient(net, row, label, weights):
    """Differentiate the cross-entropy of one row, as a loss function would be written."""
    return finite_differences(lambda: -np.log(net.predict_proba(row[None])[0, label]), weights)


def _expected_length(net, row, weights):
    lengths = []
    for label in range(len(net.classes_)):
        parts = _gradient(net, row, label, weights)
        lengths.append(np.sqrt(sum((part**2).sum() for part in parts)))
    return net.predict_proba(row[None])[0] @ lengths


@pytest.mark.parametrize("bias", [True, False])
def test_egl_is_the_expected_length_of_the_numeric_gradient(net, bias):
    net, X = net
    weights = [net.output_, net.output_bias_] if bias else [net.output_]
    expected = [_expected_length(net, row, weights) for row in X]
    scores = ExpectedGradientLength(bias=bias).score(Learner(net), X)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_egl_over_all_layers_is_the_expected_length_of_the_whole_numeric_gradient(net):
    net, X = net
    weights = [net.hidden_, net.hidden_bias_, net.output_, net.output_bias_]
    expected = [_expected_length(net, row, weights) for row in X]
    scores = ExpectedGradientLength(layers="all").score(Learner(net), X)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize("bias", [True, False])
def test_ecg_is_the_expected_column_length_of_the_numeric_gradient(net, bias):
    net, X = net
    expected = []
    for row in X:
        proba = net.predict_proba(row[None])[0]
        parts = _gradient(net, row, proba.argmax(), [net.output_, net.output_bias_])
        squares = (parts[0] ** 2).sum(axis=0) + bias * parts[1] ** 2
        expected.append(proba @ np.sqrt(squares))
    scores = ExpectedChangeOfGradient(bias=bias).score(Learner(net), X)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize("function", [expected_gradient_length, expected_change_of_gradient])
def test_confident_predictions_keep_their_order(function):
    rest = np.array([0, 1e-12, 1e-9, 1e-6])
    proba = np.column_stack([1 - rest, rest / 2, rest / 2])
    scores = function(proba, np.ones((4, 3)))
    assert scores[0] == 0
    # To first order in the rest r: the row's own label and the others' add up.
    factor = np.sqrt(1.5) + np.sqrt(2 + 0.5 * rest) if function is expected_gradient_length else 1
    bias = function is expected_gradient_length
    np.testing.assert_allclose(scores[1:], (np.sqrt(3 + bias) * factor * rest)[1:], rtol=1e-3)


def test_egl_with_all_layers_refuses_to_leave_out_the_bias(net):
    net, X = net
    with pytest.raises(ValueError, match="layers='last'"):
        ExpectedGradientLength("all", bias=False).query(net, X, 1)


def test_egl_over_all_layers_needs_a_network():
    X = np.random.RandomState(0).randn(20, 3)
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    with pytest.raises(UnsupportedStrategyError, match="layers='last'"):
        ExpectedGradientLength(layers="all").query(model, X, 2)
    assert len(ExpectedGradientLength().query(model, X, 2)) == 2


def _dense_gradients(proba, embedding):
    residual = proba - np.eye(proba.shape[1])[proba.argmax(axis=1)]
    return np.einsum("nc,nd->ncd", residual, embedding).reshape(len(proba), -1)


def _dense_badge(proba, embedding, n_instances, seed):
    """k-means++ on whole gradients and on their differences, with the same random numbers."""
    rng = np.random.RandomState(seed)
    gradients = _dense_gradients(proba, embedding)
    picks = [np.argmax((gradients**2).sum(axis=1))]
    while len(picks) < n_instances:
        differences = gradients[:, None] - gradients[picks]
        weights = (differences**2).sum(axis=2).min(axis=1)
        edges = np.cumsum(weights)
        picks.append(np.flatnonzero(edges > rng.uniform() * edges[-1])[0])
    return picks


@pytest.mark.parametrize("seed", range(5))
def test_badge_is_k_means_plus_plus_on_the_dense_gradients(seed):
    rng = np.random.RandomState(seed)
    proba, embedding = rng.dirichlet(np.ones(4), size=150), rng.randn(150, 6)
    picks = badge(proba, embedding, 20, seed)
    np.testing.assert_array_equal(picks, _dense_badge(proba, embedding, 20, seed))


def test_badge_draws_by_squared_distance():
    proba = np.array([[0.5, 0.5], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7]])
    embedding = np.array([[3.0, 0], [1, 1], [0, 2], [-2, 1]])
    gradients = _dense_gradients(proba, embedding)
    first = np.argmax((gradients**2).sum(axis=1))
    weights = ((gradients - gradients[first]) ** 2).sum(axis=1)
    drawn = [badge(proba, embedding, 2, seed) for seed in range(2000)]
    assert {picks[0] for picks in drawn} == {first}
    counts = np.bincount([picks[1] for picks in drawn], minlength=4)
    assert counts[first] == 0
    others = np.arange(4) != first
    expected = weights[others] / weights.sum() * len(drawn)
    assert chisquare(counts[others], expected).pvalue > 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_badge_takes_one_of_each_group_of_duplicates_first(dtype):
    rng = np.random.RandomState(1)
    proba = rng.dirichlet(np.ones(5), size=12).astype(dtype)
    embedding = (10 + rng.randn(12, 128)).astype(dtype)
    which = rng.permutation(np.repeat(np.arange(12), 7))
    picks = badge(proba[which], embedding[which], 40, 0)
    assert sorted(which[picks[:12]]) == list(range(12))
    assert len(set(picks)) == 40


def test_badge_without_any_gradient_picks_at_random():
    proba = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    embedding = np.random.RandomState(0).randn(6, 2)
    drawn = {tuple(badge(proba, embedding, 2, seed)) for seed in range(300)}
    assert len(drawn) == 6 * 5


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 4), st.booleans())
def test_badge_never_repeats_itself(seed, n_samples, n_classes, sharp):
    rng = np.random.RandomState(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.02 if sharp else 1), size=n_samples)
    embedding = rng.randint(-1, 2, size=(n_samples, 3)).astype(np.float32)
    wanted = rng.randint(1, n_samples + 1)
    picks = badge(proba, embedding, wanted, seed)
    assert len(np.unique(picks)) == wanted
    assert picks.min() >= 0 and picks.max() < n_samples


def test_badge_never_builds_the_gradients():
    rng = np.random.RandomState(0)
    n_samples, n_classes, n_dimensions = 4000, 40, 100
    proba = rng.dirichlet(np.ones(n_classes), size=n_samples)
    embedding = rng.randn(n_samples, n_dimensions)
    tracemalloc.start()
    badge(proba, embedding, 10, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * proba.nbytes < embedding.nbytes * n_classes / 10


@pytest.mark.parametrize(
    ("dtype", "factor"), [(np.uint8, 255), (np.int16, 32_000), (np.int64, 10), (np.float16, 300)]
)
@pytest.mark.parametrize("function", [expected_gradient_length, expected_change_of_gradient])
def test_embeddings_of_small_numbers_do_not_overflow(function, dtype, factor):
    rng = np.random.RandomState(0)
    proba = rng.dirichlet(np.ones(3), size=50)
    embedding = (rng.uniform(size=(50, 64)) * factor).astype(dtype)
    exact = embedding.astype(float)
    np.testing.assert_array_equal(function(proba, embedding), function(proba, exact))
    np.testing.assert_array_equal(badge(proba, embedding, 20, 0), badge(proba, exact, 20, 0))


@pytest.mark.parametrize("function", [expected_gradient_length, expected_change_of_gradient])
def test_probabilities_of_half_precision_count_as_what_they_are(function):
    rng = np.random.RandomState(0)
    proba, embedding = rng.dirichlet(np.ones(3), size=50).astype(np.float16), rng.randn(50, 4)
    exact = proba.astype(float)
    np.testing.assert_array_equal(function(proba, embedding), function(exact, embedding))
    np.testing.assert_array_equal(badge(proba, embedding, 9, 0), badge(exact, embedding, 9, 0))


def test_badge_picks_by_probabilities_and_embeddings_of_the_learner(net):
    net, X = net
    X = np.repeat(X, 4, axis=0)
    for seed in range(5):
        picks = BADGE().query(net, X, 7, random_state=seed)
        # Copies have gradient 0 to each other: one of each row, the longest gradient first.
        assert sorted(picks // 4) == list(range(7))
        gradients = _dense_gradients(net.predict_proba(X), net.embed(X))
        assert picks[0] // 4 == np.argmax((gradients**2).sum(axis=1)) // 4
