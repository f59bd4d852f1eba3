"""Estimates against other people's formulas, worked examples and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import cohen_kappa_score

from skal.label.asking.estimate import (
    WINDOW,
    agreement_of,
    cohen_kappa,
    estimate_accuracy,
    fleiss_kappa,
    labels_saved,
    learning_curve,
    stopping_advice,
    wilson_interval,
)
from skal.label.asking.records import Estimate


@settings(max_examples=50)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(pair):
    n_right, n = pair
    low, high = wilson_interval(n_right, n)
    expected = binomtest(n_right, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert low == pytest.approx(expected.low, abs=1e-9)
    assert high == pytest.approx(expected.high, abs=1e-9)
    assert 0 <= low <= n_right / n <= high <= 1


@settings(max_examples=50)
@given(st.integers(1, 200), st.floats(0.01, 0.99), st.floats(0.5, 0.999))
def test_wilson_solves_its_equation(n, share, level):
    # The ends are the shares p from which the observed one is z standard errors away.
    n_right = round(share * n)
    z = norm.ppf((1 + level) / 2)
    for end in wilson_interval(n_right, n, level):
        gap = n_right / n - end
        assert gap**2 == pytest.approx(z**2 * end * (1 - end) / n, abs=1e-9)


def test_wilson_takes_arrays():
    low, high = wilson_interval([0, 5, 10], [10, 10, 10])
    assert low[0] == 0 and high[2] == 1
    assert np.all(np.diff(low) > 0) and np.all(np.diff(high) > 0)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_cohen_is_scikit_learns(pairs):
    first, second = zip(*pairs, strict=True)
    kappa = cohen_kappa(first, second)
    if len({*first, *second}) < 2:
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(first, second))


def test_cohen_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, by chance 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)
    assert cohen_kappa([], []) is None


def test_fleiss_by_hand():
    # The example of the article's reprints: 10 subjects, 14 raters, 5 categories, kappa 0.210.
    table = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    assert fleiss_kappa(table) == pytest.approx(0.20993, abs=1e-5)


def test_fleiss_at_its_ends():
    assert fleiss_kappa([[2, 0], [0, 2]]) == 1
    assert fleiss_kappa([[1, 1], [1, 1]]) == -1
    assert fleiss_kappa([[2, 0], [2, 0]]) is None
    assert fleiss_kappa(np.empty((0, 2))) is None
    with pytest.raises(ValueError, match="the same number of people"):
        fleiss_kappa([[2, 0], [1, 0]])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_agreement_of_two_people(pairs):
    given_pairs = [(("ann", a), ("bob", b)) for a, b in pairs]
    found = agreement_of(given_pairs)
    assert (found.n_clips, found.n_people) == (len(pairs), 2)
    assert found.share == pytest.approx(np.mean([a == b for a, b in pairs]))
    # Who is named first does not matter.
    swapped = agreement_of([pair[::-1] for pair in given_pairs])
    assert swapped == found
    assert found.cohen == cohen_kappa(*zip(*pairs, strict=True))


def test_agreement_of_three_people_has_no_cohen():
    found = agreement_of([(("a", 1), ("b", 1)), (("b", 2), ("c", 2))])
    assert (found.n_people, found.cohen, found.fleiss, found.share) == (3, None, 1.0, 1.0)
    assert agreement_of([]) is None


def test_the_estimate_rests_on_the_newest():
    assert estimate_accuracy([]) is None
    assert estimate_accuracy([False] * 50 + [True] * WINDOW).accuracy == 1
    found = estimate_accuracy([True, True, False, True])
    assert (found.accuracy, found.n) == (0.75, 4)
    assert found.low < 0.75 < found.high


def test_a_curve_has_a_point_for_each_audited_round():
    curve = learning_curve([1, 1, 3, 3], [False, True, True, True], {1: 10, 2: 20, 3: 30})
    assert [(n, accuracy) for n, accuracy, _, _ in curve] == [(10, 0.5), (30, 0.75)]
    for n_labels, accuracy, low, high in curve:
        assert low <= accuracy <= high and n_labels in (10, 30)
    assert learning_curve([], [], {}) == ()


def test_random_audits_are_unbiased_and_chosen_clips_are_not():
    # A model that is right on 800 of 1000 clips, and a strategy that asks the hard ones first.
    rng = np.random.default_rng(0)
    right = np.arange(1000) < 800
    audited, chosen, covered = [], [], []
    for _ in range(2000):
        drawn = estimate_accuracy(right[rng.permutation(1000)[:50]].tolist())
        audited.append(drawn.accuracy)
        covered.append(drawn.low <= 0.8 <= drawn.high)
        hard_first = rng.permutation(np.r_[np.arange(600, 1000)])[:50]
        chosen.append(right[hard_first].mean())
    error = np.std(audited) / np.sqrt(len(audited))
    assert abs(np.mean(audited) - 0.8) < 4 * error
    assert 0.92 < np.mean(covered) < 0.985
    assert np.mean(chosen) < 0.6


def test_labels_saved():
    assert labels_saved(None, 100) is None
    assert labels_saved(Estimate(0.9, 0.8, 0.95, 30), 1000) == 900


@pytest.mark.parametrize(
    ("estimate", "agreements", "says_so"),
    [
        (None, [1, 1, 1], False),
        (Estimate(1, 0.7, 1, 10), [1, 1, 1], False),
        (Estimate(0.99, 0.96, 1, 100), [], True),
        (Estimate(0.8, 0.7, 0.87, 100), [0.9, 0.99, 1.0], False),
        (Estimate(0.8, 0.7, 0.87, 100), [1.0, 1.0], False),
        (Estimate(0.8, 0.7, 0.87, 100), [0.5, 1.0, 0.99, 0.99], True),
    ],
)
def test_advice_rests_on_measurements(estimate, agreements, says_so):
    advice = stopping_advice(estimate, agreements)
    assert (advice is not None) is says_so
    if says_so:
        assert f"{estimate.n} recordings" in advice
