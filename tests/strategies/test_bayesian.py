"""BALD, PowerBALD and BatchBALD, against loops and enumeration."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skal.learner import Learner, UnsupportedStrategyError
from skal.strategies import bayesian
from skal.strategies.batch_bald import BatchBALD, batch_bald
from skal.strategies.bayesian import BALD, PowerBALD, mutual_information, power_sample
from tests.strategies.fakes import FakeNet


def _samples(seed, n_model_samples=4, n_samples=6, n_classes=3, concentration=0.6):
    rng = np.random.RandomState(seed)
    size = (n_model_samples, n_samples)
    return rng.dirichlet(np.full(n_classes, concentration), size=size)


def _joint_information(samples, batch):
    """Mutual information of the batch's labels and the model, over every configuration."""
    n_model_samples, _, n_classes = samples.shape
    total = 0.0
    for labels in product(range(n_classes), repeat=len(batch)):
        given_model = np.ones(n_model_samples)
        for row, label in zip(batch, labels, strict=True):
            given_model *= samples[:, row, label]
        mean = given_model.mean()
        for value in given_model:
            if value > 0:
                total += value / n_model_samples * np.log(value / mean)
    return total


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 5))
def test_mutual_information_is_the_mean_divergence_from_the_mean(seed, n_models, n_classes):
    samples = _samples(seed, n_models, 5, n_classes, concentration=0.1)
    scores = mutual_information(samples)
    expected = [_joint_information(samples, [row]) for row in range(5)]
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    assert (scores >= 0).all() and (scores <= np.log(min(n_models, n_classes)) + 1e-12).all()


def test_bald_uses_the_same_models_for_every_block(monkeypatch):
    X = np.random.RandomState(0).randn(50, 3)
    net = FakeNet().fit(X, np.arange(50) % 3)
    whole = BALD(n_models=8).score(Learner(net), X, random_state=4)
    monkeypatch.setattr(bayesian, "_CELLS", 8 * 3 * 7)  # seven rows a block
    np.testing.assert_allclose(BALD(n_models=8).score(Learner(net), X, random_state=4), whole)
    seed = np.random.RandomState(4).randint(np.iinfo(np.int32).max)
    samples = Learner(net).sample_proba(X, 8, random_state=seed)
    np.testing.assert_allclose(whole, mutual_information(samples))


@pytest.mark.parametrize("strategy", [BALD(), PowerBALD(), BatchBALD()])
def test_a_model_without_samples_is_refused_by_name(strategy):
    X = np.random.RandomState(0).randn(20, 3)
    with pytest.raises(UnsupportedStrategyError, match=f"{type(strategy).__name__}.*RandomForest"):
        strategy.query(LogisticRegression().fit(X, X[:, 0] > 0), X, 2)


@pytest.mark.parametrize("strategy", [BALD(), PowerBALD(), BatchBALD()])
def test_a_forest_gives_samples_by_its_members(strategy):
    X = np.random.RandomState(0).randn(60, 3)
    y = np.where(X[:, 0] > 0, "right", "left")
    forest = RandomForestClassifier(25, max_depth=2, random_state=0).fit(X, y)
    positions, scores = strategy.query(forest, X, 3, random_state=0, return_scores=True)
    assert len(positions) == 3 and (scores >= 0).all()
    if not isinstance(strategy, BatchBALD):
        members = np.stack([tree.predict_proba(X) for tree in forest.estimators_])
        informed = mutual_information(members)[positions]
        assert informed.min() > 0


def test_power_sample_draws_by_powers_of_the_scores_without_replacement():
    scores, temperature = np.array([0.1, 0.4, 0.0, 0.2]), 0.5
    weights = scores**2
    pairs = list(permutations([0, 1, 3], 2))
    total = weights.sum()
    expected = [weights[a] / total * weights[b] / (total - weights[a]) for a, b in pairs]
    drawn = [tuple(power_sample(scores, 2, temperature, seed)) for seed in range(3000)]
    counts = [drawn.count(pair) for pair in pairs]
    assert sum(counts) == len(drawn)
    assert chisquare(counts, np.array(expected) * len(drawn)).pvalue > 1e-3


def test_power_sample_at_the_ends():
    scores = np.array([0.3, 0, 0.5, 0, 0.4])
    np.testing.assert_array_equal(power_sample(scores, 3, 1e-4, 0), [2, 4, 0])
    everything = [power_sample(scores, 5, 1, seed) for seed in range(40)]
    assert all(set(picks[:3]) == {0, 2, 4} for picks in everything)
    assert {tuple(picks[3:]) for picks in everything} == {(1, 3), (3, 1)}


@pytest.mark.parametrize("seed", range(6))
def test_batch_bald_is_greedy_on_the_enumerated_information(seed):
    samples = _samples(seed, n_model_samples=5, n_samples=7, n_classes=2 + seed % 2)
    positions, gains = batch_bald(samples, 4, random_state=0)
    batch, before = [], 0.0
    for position, gain in zip(positions, gains, strict=True):
        others = [row for row in range(7) if row not in batch]
        joint = {row: _joint_information(samples, [*batch, row]) for row in others}
        np.testing.assert_allclose(gain, joint[position] - before, atol=1e-10)
        np.testing.assert_allclose(joint[position], max(joint.values()), atol=1e-10)
        batch, before = [*batch, position], joint[position]


@pytest.mark.parametrize("seed", range(5))
def test_batch_bald_is_near_the_best_batch_there_is(seed):
    samples = _samples(seed, n_samples=7, concentration=0.2)
    positions, _ = batch_bald(samples, 3, random_state=0)
    best = max(_joint_information(samples, batch) for batch in combinations(range(7), 3))
    assert _joint_information(samples, positions) >= (1 - 1 / np.e) * best


def test_sampled_configurations_estimate_the_enumerated_information():
    samples = _samples(5, n_model_samples=6, n_samples=9, concentration=1.5)
    errors = []
    for seed in range(20):
        positions, gains = batch_bald(samples, 6, n_configurations=100, random_state=seed)
        errors.append(gains.sum() - _joint_information(samples, positions))
    errors = np.array(errors)
    assert np.abs(errors).max() < 0.15
    assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(len(errors)) + 0.01


def test_batch_bald_does_not_ask_the_same_thing_twice():
    # Each model is sure, so that a copy of a row adds nothing; row 6 adds something.
    models = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    rows = [0, 0, 0, 0, 0, 0, 1]
    samples = np.eye(2)[models[rows].T]
    positions, gains = batch_bald(samples, 2, random_state=0)
    assert {rows[position] for position in positions} == {0, 1}
    np.testing.assert_allclose(gains, np.log(2))
    assert sorted(batch_bald(samples, 7, random_state=0)[0]) == list(range(7))


def test_batch_bald_asks_for_every_sound_before_a_copy_of_one():
    # One sound on which the samples disagree most, five times, and two on which they agree more.
    samples = np.array([[0.95] * 5 + [0.6, 0.55], [0.05] * 5 + [0.4, 0.5], [0.5] * 5 + [0.5, 0.4]])
    positions, gains = batch_bald(np.stack([samples, 1 - samples], axis=-1), 4, random_state=0)
    assert set(positions[:3]) >= {5, 6}
    assert gains[3] == 0


def test_long_batches_do_not_underflow():
    samples = _samples(0, n_model_samples=20, n_samples=400, n_classes=10).astype(np.float32)
    positions, gains = batch_bald(samples, 400, n_configurations=50, random_state=0)
    assert sorted(positions) == list(range(400))
    assert np.isfinite(gains).all()
    assert gains.sum() < np.log(20) + 0.5


def test_batch_bald_around_a_forest_is_greedy_on_its_members():
    X = np.random.RandomState(0).randn(12, 3)
    forest = RandomForestClassifier(5, max_depth=2, random_state=0).fit(X, np.arange(12) % 2)
    members = np.stack([tree.predict_proba(X) for tree in forest.estimators_])
    strategy = BatchBALD(n_models=5)
    positions, gains = strategy.query(forest, X, 3, random_state=2, return_scores=True)
    batch, before = [], 0.0
    for position, gain in zip(positions, gains, strict=True):
        others = [row for row in range(12) if row not in batch]
        joint = {row: _joint_information(members, [*batch, row]) for row in others}
        np.testing.assert_allclose(gain, joint[position] - before, atol=1e-10)
        np.testing.assert_allclose(joint[position], max(joint.values()), atol=1e-10)
        batch, before = [*batch, position], joint[position]


def test_batch_bald_reads_every_parameter():
    X = np.random.RandomState(0).randn(40, 3)
    net = FakeNet(sharpness=2).fit(X, np.arange(40) % 3)

    def gains(**parameters):
        strategy = BatchBALD(**{"n_models": 20, **parameters})
        return strategy.query(net, X, 6, random_state=0, return_scores=True)[1]

    usual = gains()
    assert gains(n_models=1).max() < 1e-9 < usual.min()  # a single model agrees with itself
    assert not np.allclose(gains(n_configurations=2), usual)


def test_parameters_are_checked_when_asked():
    strategy = clone(PowerBALD()).set_params(temperature=0)
    X = np.zeros((3, 2))
    with pytest.raises(ValueError, match="temperature"):
        strategy.query(FakeNet().fit(X, [0, 1, 0]), X, 1)


@pytest.mark.parametrize("seed", range(4))
def test_gains_do_not_rise_once_configurations_are_sampled(seed):
    rng = np.random.RandomState(seed)
    near_duplicates = np.repeat(rng.dirichlet(np.full(3, 0.3), size=(20, 4)), 5, axis=1)
    _, gains = batch_bald(near_duplicates, 14, n_configurations=60, random_state=0)
    _, exact = batch_bald(near_duplicates, 14, n_configurations=20_000, random_state=0)
    assert np.diff(gains).max() < 0.01
    np.testing.assert_allclose(gains, exact, atol=0.06)
