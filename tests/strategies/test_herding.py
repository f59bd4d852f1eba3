"""Herding against brute force."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearningClassifier
from skal.learner import Learner
from skal.strategies.herding import MaxHerding, UncertaintyHerding, _sample_by_weight, max_herding
from tests.strategies.fakes import FakeNet


def _kernel(A, B, gamma):
    """Follow the definition: rows of length 1, zeros stay zeros."""

    def _unit(X):
        norms = np.linalg.norm(X, axis=1, keepdims=True)
        return X / np.where(norms > 0, norms, 1)

    a, b = _unit(A.astype(float)), _unit(B.astype(float))
    return np.exp(-gamma * ((a[:, None] - b[None]) ** 2).sum(axis=2))


def _coverage(kernel, rows, start, weights):
    return weights @ np.maximum(kernel[:, rows].max(axis=1, initial=0), start)


def _check_greedy(X, picks, X_labeled, weights, gamma, tolerance=1e-12):
    """Check, pick by pick, that no other row would have covered more."""
    kernel = _kernel(X, X, gamma)
    start = _kernel(X, X_labeled, gamma).max(axis=1, initial=0)
    assert len(set(picks)) == len(picks)
    for place, pick in enumerate(picks):
        reached = weights @ np.maximum(kernel, start[:, None])
        reached[picks[:place]] = -np.inf
        assert reached[pick] >= reached.max() - tolerance * weights.sum()
        start = np.maximum(start, kernel[:, pick])


points = arrays(float, st.tuples(st.integers(1, 20), st.just(3)), elements=st.integers(-4, 4))


@given(
    X=points,
    n_labeled=st.integers(0, 3),
    gamma=st.sampled_from([None, 1e-4, 0.3, 5.0, 100.0]),
    weighted=st.booleans(),
    data=st.data(),
)
@settings(max_examples=100)
def test_max_herding_is_greedy(X, n_labeled, gamma, weighted, data):
    n_instances = data.draw(st.integers(1, len(X)))
    known = np.arange(3.0 * n_labeled).reshape(n_labeled, 3) - 2
    weights = np.arange(len(X)) % 4 if weighted else None
    picks = max_herding(X, n_instances, known, weights=weights, gamma=gamma, random_state=0)
    assert len(picks) == n_instances
    weights = np.ones(len(X)) if weights is None or not weights.any() else weights
    _check_greedy(X, picks, known, weights, gamma or 1 / 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("gamma", [None, 3.0])
def test_max_herding_in_float32(dtype, gamma):
    """Stay greedy, to float32's precision, where blocks are float32 and gains are updated."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((2100, 5)).astype(dtype)
    weights = rng.uniform(size=2100)
    picks = max_herding(X, 12, X[:7], weights=weights, gamma=gamma, random_state=0)
    _check_greedy(X, picks, X[:7], weights, gamma or 1 / 5, tolerance=1e-6)


def test_updated_gains_are_those_computed_anew():
    """Pick nearly all rows, whose gains fall by many orders of magnitude on the way."""
    X = np.random.RandomState(0).standard_normal((60, 4))
    picks = max_herding(X, 55, random_state=0)
    _check_greedy(X, picks, X[:0], np.ones(60), 1 / 4, tolerance=1e-13)


def test_gains_only_fall():
    """Coverage is submodular: later picks add no more than earlier ones did."""
    X = np.random.RandomState(1).standard_normal((300, 4))
    picks = max_herding(X, 40, X[:2], gamma=1.0, random_state=0)
    kernel, start = _kernel(X, X, 1.0), _kernel(X, X[:2], 1.0).max(axis=1)
    curve = [_coverage(kernel, picks[:k], start, np.ones(300)) for k in range(1, 41)]
    steps = np.diff([start.sum(), *curve])
    assert (steps >= 0).all()
    assert (np.diff(steps) <= 1e-9).all()


def test_covers_at_least_63_percent_of_the_best():
    """Reach the bound of greedy maximization, on a pool where all pairs can be tried."""
    X = np.random.RandomState(2).standard_normal((30, 3))
    kernel = _kernel(X, X, 4.0)
    best = max(np.maximum(kernel[:, i], kernel[:, j]).sum() for i in range(30) for j in range(i))
    picks = max_herding(X, 2, gamma=4.0, random_state=0)
    assert kernel[:, picks].max(axis=1).sum() >= (1 - 1 / np.e) * best


def test_labeled_rows_count_as_covered():
    """Go to the clouds without a label, one row each."""
    X, y = make_blobs(300, 6, centers=6, center_box=(-20, 20), random_state=3)
    learner = Learner.without_model(None, X)
    first = MaxHerding().query(learner, X, 6, random_state=0)
    assert sorted(y[first]) == list(range(6))
    rest = np.delete(np.arange(300), first[:4])
    more = MaxHerding().query(learner, X[rest], 2, X_labeled=X[first[:4]], random_state=0)
    assert set(y[rest[more]]) == set(y[first[4:]])


def test_an_empty_set_of_labels_is_none():
    X = np.random.RandomState(0).standard_normal((40, 3))
    np.testing.assert_array_equal(
        max_herding(X, 9, X[:0], random_state=0), max_herding(X, 9, random_state=0)
    )


def test_copies_of_a_row_are_asked_last():
    X = np.repeat(np.random.RandomState(0).standard_normal((8, 5)), 20, axis=0)
    picks = max_herding(X, 160, random_state=0)
    assert sorted(picks) == list(range(160))
    assert len(set(picks[:8] // 20)) == 8


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_length_does_not_matter(scale):
    X = np.random.RandomState(0).standard_normal((50, 4))
    longer = X * np.linspace(0.5, 2, 50)[:, None] * scale
    np.testing.assert_array_equal(
        max_herding(X, 10, random_state=0), max_herding(longer, 10, random_state=0)
    )


def test_rows_of_zeros_cover_each_other():
    """One silent clip speaks for all of them."""
    X = np.concatenate([np.zeros((50, 3)), np.eye(3), -np.eye(3)])
    picks = max_herding(X, 7, gamma=5.0, random_state=0)
    assert (picks < 50).sum() == 1


def test_ties_are_broken_by_the_random_state():
    X = np.ones((30, 4))
    firsts = {max_herding(X, 1, random_state=seed)[0] for seed in range(40)}
    assert len(firsts) > 10
    assert max_herding(X, 30, random_state=0).tolist() != list(range(30))


@pytest.mark.parametrize("max_pairs", [1, 200, 4000])
def test_samples_of_a_large_pool(max_pairs):
    """Pick as many rows as are wanted, among a part of the pool, and cover the clouds."""
    X, y = make_blobs(600, 6, centers=4, center_box=(-20, 20), random_state=3)
    for n_instances in (1, 4, 500, 600):
        picks = max_herding(X, n_instances, max_pairs=max_pairs, random_state=0)
        assert len(set(picks)) == n_instances
    if max_pairs == 4000:
        assert len(set(y[max_herding(X, 4, max_pairs=max_pairs, random_state=0)])) == 4


def test_samples_are_drawn_by_weight():
    """Cover the cloud that counts, a hundredth of a pool of which a fraction is looked at."""
    X, y = make_blobs([7920, 80], 3, centers=[[9, 0, 0], [0, 9, 0]], random_state=0)
    weights = np.where(y == 1, 1.0, 1e-6)
    picks = max_herding(X, 5, weights=weights, gamma=5.0, max_pairs=100_000, random_state=0)
    assert (y[picks] == 1).all()


def test_estimated_weights_are_unbiased():
    weights = np.random.RandomState(0).uniform(size=50) ** 4
    rng = np.random.RandomState(1)
    totals = [_sample_by_weight(weights, 12, rng)[1].sum() for _ in range(2000)]
    error = np.std(totals) / np.sqrt(2000)
    assert abs(np.mean(totals) - weights.sum()) < 4 * error
    assert error < 0.02 * weights.sum()


def test_memory_is_bounded():
    """Hold the pairs that are looked at, not those of the whole pool."""
    X = np.random.RandomState(0).standard_normal((30_000, 8)).astype(np.float32)
    max_herding(X[:100], 2, random_state=0)
    tracemalloc.start()
    max_herding(X, 20, max_pairs=1_000_000, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize(
    ("X", "weights", "message"),
    [
        (np.array([[1.0, np.nan], [1.0, 2.0]]), None, "NaN or infinity"),
        (np.eye(2), [1.0, np.nan], "weights must be finite"),
        (np.eye(2), [1.0, -1.0], "non-negative"),
        (np.eye(2), [1.0], "shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(X, weights, message):
    with pytest.raises(ValueError, match=message):
        max_herding(X, 1, weights=weights)


class TestUncertainty:
    def test_weighs_by_one_minus_the_margin(self):
        X = np.random.RandomState(0).standard_normal((200, 3))
        y = np.arange(8) % 3
        net = FakeNet().fit(X[:8], y)
        picks = UncertaintyHerding(gamma=2.0).query(
            net, X, 12, X_labeled=X[:8], y_labeled=y, random_state=0
        )
        proba = np.sort(net.predict_proba(X), axis=1)
        weights = 1 - (proba[:, -1] - proba[:, -2])
        _check_greedy(net.embed(X), picks, net.embed(X[:8]), weights, 2.0)

    @pytest.mark.parametrize("sharpness", [0.0, 1e9])
    def test_is_max_herding_where_all_rows_are_as_uncertain(self, sharpness):
        """A model that knows nothing, and one that claims to know everything, say nothing."""
        X = np.random.RandomState(0).standard_normal((200, 3))
        net = FakeNet(sharpness=sharpness).fit(X[:8], np.arange(8) % 3)
        if not sharpness:
            net.output_bias_[:] = 0
        context = {"X_labeled": X[:8], "y_labeled": np.arange(8) % 3, "random_state": 0}
        np.testing.assert_array_equal(
            UncertaintyHerding().query(net, X, 9, **context),
            MaxHerding().query(net, X, 9, **context),
        )


def test_a_campaign_from_the_first_label():
    X, y = make_blobs(300, 6, centers=5, center_box=(-20, 20), random_state=3)
    campaign = ActiveLearningClassifier(
        LogisticRegression(),
        UncertaintyHerding(),
        initial_strategy=MaxHerding(),
        n_initial=5,
        n_instances=5,
        budget=15,
        random_state=0,
    ).fit(X, y)
    assert len(set(y[campaign.labeled_indices_[:5]])) == 5
    assert len(campaign.labeled_indices_) == 15
