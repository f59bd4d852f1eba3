"""Metrics against independent computations: scikit-learn, brute force, closed forms."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal.metrics import (
    area_under_budget_curve,
    bootstrap_interval,
    budget_curve,
    budget_curve_scorer,
    classification_scores,
    holm_correction,
    label_saving,
    labels_to_reach,
    paired_test,
)

curves = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=12).map(
    lambda points: (np.cumsum([p[0] for p in points]), np.array([p[1] for p in points]))
)


def test_evaluate_agrees_with_scikit_learn():
    rng = np.random.RandomState(0)
    y_true, y_pred = rng.randint(4, size=(2, 100))
    result = classification_scores(y_true, y_pred)
    assert list(result) == ["accuracy", "precision", "recall", "f1", "recall_rarest"]
    assert result["accuracy"] == np.mean(y_true == y_pred)
    assert result["precision"] == pytest.approx(precision_score(y_true, y_pred, average="macro"))
    assert result["recall"] == pytest.approx(recall_score(y_true, y_pred, average="macro"))
    assert result["f1"] == pytest.approx(f1_score(y_true, y_pred, average="macro"))


def test_evaluate_is_silent_about_missing_classes():
    result = classification_scores(["dog", "dog", "rain"], ["dog", "dog", "dog"])
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert result["precision"] == pytest.approx((2 / 3 + 0) / 2)
    assert result["recall"] == pytest.approx((1 + 0) / 2)
    assert classification_scores(["dog"], ["rain"])["f1"] == 0


def test_recall_of_the_rarest_class():
    y_true = ["dog"] * 6 + ["owl"] * 3 + ["rain"] * 5
    y_pred = ["dog"] * 5 + ["owl", "owl", "rain", "owl"] + ["rain"] * 5
    assert classification_scores(y_true, y_pred)["recall_rarest"] == pytest.approx(2 / 3)
    assert classification_scores(y_true, ["dog"] * 14)["recall_rarest"] == 0
    # Of equally rare ones the first; a class that never occurs is none.
    assert classification_scores([0, 1, 2], [0, 3, 2])["recall_rarest"] == 1


def test_budget_curve_reads_the_history():
    history = [
        {"round": 0, "n_labeled": 10, "eval_accuracy": 0.5, "eval_f1": 0.4},
        {"round": 1, "n_labeled": 20, "eval_accuracy": 0.7, "eval_f1": 0.6},
    ]
    n_labels, values = budget_curve(history)
    np.testing.assert_array_equal(n_labels, [10, 20])
    np.testing.assert_array_equal(values, [0.5, 0.7])
    np.testing.assert_array_equal(budget_curve(history, "f1")[1], [0.4, 0.6])
    with pytest.raises(ValueError, match="eval_set"):
        budget_curve(history, "recall")
    with pytest.raises(ValueError, match="empty"):
        budget_curve([])


@given(curves)
def test_area_is_the_mean_of_the_interpolated_curve(curve):
    n_labels, values = curve
    area = area_under_budget_curve(n_labels, values)
    if len(n_labels) == 1:
        assert area == values[0]
        return
    # A straight line between integers: the mean over every unit interval's middle is exact.
    middles = np.arange(n_labels[0], n_labels[-1]) + 0.5
    assert area == pytest.approx(np.interp(middles, n_labels, values).mean())
    assert values.min() - 1e-12 <= area <= values.max() + 1e-12


@given(curves, st.floats(0, 1))
def test_labels_to_reach_is_the_first_crossing(curve, target):
    n_labels, values = curve
    needed = labels_to_reach(n_labels, values, target)
    if np.isnan(needed):
        assert values.max() < target
        return
    assert np.interp(needed, n_labels, values) >= target - 1e-9
    if values[0] >= target:
        assert needed == n_labels[0]
        return
    before = np.linspace(n_labels[0], needed, 200)[:-1]
    assert (np.interp(before, n_labels, values) <= target + 1e-9).all()


def test_labels_to_reach_and_saving_by_hand():
    random = ([100, 200, 400], [0.5, 0.7, 0.9])
    margin = ([100, 200, 400], [0.5, 0.8, 0.9])
    assert labels_to_reach(*random, 0.8) == pytest.approx(300)
    assert labels_to_reach(*margin, 0.8) == pytest.approx(200)
    assert labels_to_reach(*random, 0.4) == 100
    assert label_saving(margin, random, 0.8) == pytest.approx(1 / 3)
    assert np.isnan(label_saving(margin, random, 0.95))


@pytest.mark.parametrize(
    ("n_labels", "values", "message"),
    [([], [], "at least one"), ([1, 2], [0.5], "as many"), ([2, 2], [0.1, 0.2], "must rise")],
)
def test_a_broken_curve_is_refused(n_labels, values, message):
    with pytest.raises(ValueError, match=message):
        area_under_budget_curve(n_labels, values)
    with pytest.raises(ValueError, match=message):
        labels_to_reach(n_labels, values, 0.5)


class StagedGuess:
    """A campaign of two rounds: the first model says 0, the second says the feature."""

    history_ = [{"n_labeled": 4}, {"n_labeled": 8}]

    def fit(self, X, y):
        return self

    def staged_predict(self, X):
        yield np.zeros(len(X))
        yield np.asarray(X)[:, 0]


def test_scorer_averages_over_rounds_also_behind_a_transformer():
    y = np.array([0, 1, 1, 1])
    assert budget_curve_scorer(StagedGuess(), y[:, None], y) == pytest.approx((0.25 + 1) / 2)
    pipeline = make_pipeline(FunctionTransformer(np.negative), StagedGuess())
    assert budget_curve_scorer(pipeline, -y[:, None], y) == pytest.approx((0.25 + 1) / 2)
    negative = FunctionTransformer(np.negative)
    longer = make_pipeline(negative, negative, negative, StagedGuess())
    assert budget_curve_scorer(longer, -y[:, None], y) == pytest.approx((0.25 + 1) / 2)
    with pytest.raises(TypeError, match="store_rounds=True"):
        budget_curve_scorer(FunctionTransformer(), y[:, None], y)


def test_paired_test_against_all_sign_flips():
    rng = np.random.RandomState(3)
    reference = rng.uniform(size=7)
    values = reference + rng.normal(0.2, 0.3, size=7)
    difference = values - reference
    ranks = np.argsort(np.argsort(np.abs(difference))) + 1
    center = ranks.sum() / 2
    observed = abs(ranks[difference > 0].sum() - center)
    flips = np.array(list(itertools.product([0, 1], repeat=7)))
    extreme = np.abs(flips @ ranks - center) >= observed - 1e-9
    assert paired_test(values, reference) == pytest.approx(extreme.mean())


def test_paired_test_edges():
    assert paired_test([0.5, 0.6], [0.5, 0.6]) == 1
    assert paired_test([1, 2, 3, 4, 5], [0, 0, 0, 0, 0]) == pytest.approx(2 / 2**5)
    assert 0 < paired_test([0.9, 0.9, 0.9, 0.9], [0.8, 0.8, 0.8, 0.9]) <= 1
    with pytest.raises(ValueError, match="same length"):
        paired_test([1, 2], [1])
    with pytest.raises(ValueError, match="NaN"):
        paired_test([1, np.nan], [1, 2])


def test_holm_by_hand():
    np.testing.assert_allclose(
        holm_correction([0.01, 0.04, 0.03, np.nan, 0.9]), [0.04, 0.09, 0.09, np.nan, 0.9]
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_rejects_what_stepping_down_rejects(p_values):
    corrected = holm_correction(p_values)
    for level in (0.01, 0.05, 0.2):
        rejected, order = set(), np.argsort(p_values, kind="stable")
        for step, test in enumerate(order):
            if p_values[test] * (len(p_values) - step) > level:
                break
            rejected.add(test)
        assert {i for i, p in enumerate(corrected) if p <= level} >= rejected
        assert all(p_values[i] <= level for i, p in enumerate(corrected) if p <= level)
    assert (corrected >= p_values).all()


def test_bootstrap_interval():
    values = np.random.RandomState(0).normal(size=400)
    mean, error = values.mean(), values.std() / np.sqrt(len(values))
    for level in (0.8, 0.95):  # the normal interval of a large sample
        low, high = bootstrap_interval(values, confidence_level=level, random_state=0)
        half = norm.ppf((1 + level) / 2) * error
        np.testing.assert_allclose([low, high], [mean - half, mean + half], atol=0.1 * error)
    assert bootstrap_interval(values, random_state=0) == (low, high)
    assert bootstrap_interval([0.5, np.nan, 0.5]) == (0.5, 0.5)
    assert np.isnan(bootstrap_interval([0.5])).all()
