"""Pseudo-labels: thresholds, who gets one, and what they never touch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from skal import ActiveLearningClassifier
from skal.campaign import PseudoLabels
from skal.strategies import RandomSampling
from tests.campaign.data import blobs, model, permute_hidden


def campaign(**params):
    defaults = {"n_initial": 12, "n_instances": 6, "budget": 36, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


def test_linear_schedule():
    pseudo = PseudoLabels(0.05, 0.01, floor=0.005)
    np.testing.assert_allclose(
        [pseudo.threshold_at(t) for t in range(7)], [0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.005]
    )


def test_recursive_schedule_by_the_recursion_itself():
    pseudo = PseudoLabels(0.5, 0.01, schedule="recursive", floor=0.0)
    threshold = 0.5
    for t in range(9):
        threshold -= 0.01 * t
        assert pseudo.threshold_at(t) == pytest.approx(threshold)


def test_the_floor_does_not_lift_a_lower_threshold():
    assert PseudoLabels(0.0).threshold_at(0) == 0
    assert PseudoLabels(1e-6).threshold_at(3) == 1e-6


@given(
    seed=st.integers(0, 1000),
    threshold=st.floats(0, 2),
    max_per_class=st.one_of(st.none(), st.integers(1, 5)),
)
@settings(max_examples=50)
def test_choice_by_brute_force(seed, threshold, max_per_class):
    proba = np.random.RandomState(seed).dirichlet(np.full(4, 0.3), 30)
    positions, codes = PseudoLabels(threshold, max_per_class=max_per_class).choose(proba, 0)
    uncertainty = scipy_entropy(proba, axis=1)
    expected = []
    for c in range(4):
        of_class = [i for i in range(30) if proba[i].argmax() == c and uncertainty[i] < threshold]
        expected += sorted(of_class, key=lambda i: uncertainty[i])[:max_per_class]
    np.testing.assert_array_equal(positions, np.sort(expected).astype(int))
    np.testing.assert_array_equal(codes, proba[positions].argmax(axis=1))


def test_threshold_zero_equals_none():
    X, y = blobs()
    without = campaign().fit(X, y)
    zero = campaign(pseudo_labels=PseudoLabels(0.0)).fit(X, y)
    np.testing.assert_array_equal(without.labeled_indices_, zero.labeled_indices_)
    np.testing.assert_array_equal(without.predict_proba(X), zero.predict_proba(X))
    assert all(record["n_pseudo_labeled"] == 0 for record in zero.history_)


def test_the_model_is_trained_on_them_and_the_record_says_so():
    X, y = blobs()
    fitted = campaign(pseudo_labels=PseudoLabels(0.4, 0.0), store_rounds=True).fit(X, y)
    assert fitted.history_[0]["n_pseudo_labeled"] == 0
    last = fitted.history_[-1]
    indices, labels = fitted.pseudo_labels_["indices"], fitted.pseudo_labels_["labels"]
    assert len(indices) == last["n_pseudo_labeled"] > 0
    assert last["n_trained"] == 36 + len(indices)
    assert last["pseudo_accuracy"] == np.mean(labels == y[indices])
    labeled = fitted.labeled_indices_
    by_hand = clone(fitted.estimator_).fit(X[np.r_[labeled, indices]], np.r_[y[labeled], labels])
    np.testing.assert_allclose(by_hand.predict_proba(X), fitted.predict_proba(X))
    # They come from the model of the round before, not from this one.
    before = list(fitted.staged_predict_proba(X))[-2]
    np.testing.assert_array_equal(labels, fitted.classes_[before[indices].argmax(axis=1)])
    assert (scipy_entropy(before[indices], axis=1) < 0.4).all()


def test_never_a_row_that_is_labeled():
    X, y = blobs()
    fitted = campaign(pseudo_labels=PseudoLabels(1.0, 0.0)).fit(X, y)
    labeled = np.empty(0, dtype=int)
    for record in fitted.history_:
        labeled = np.r_[labeled, record["indices"]]
        assert np.intersect1d(record["pseudo_indices"], labeled).size == 0
    script = campaign(pseudo_labels=PseudoLabels(10.0, 0.0)).fit(
        X, np.where(np.arange(80) < 20, y, -1)
    )
    asked = script.query(n_instances=6)
    script.teach(indices=asked[:3], y=[*y[asked[:2]], -1])
    told_of = np.r_[np.arange(20), asked[:3]]  # also of the one that cannot be told
    np.testing.assert_array_equal(
        script.pseudo_labels_["indices"], np.setdiff1d(np.arange(80), told_of)
    )
    assert "pseudo_accuracy" not in script.history_[-1]


def test_a_look_changes_nothing():
    X, y = blobs()

    def taught(*looks, after=()):
        script = campaign(pseudo_labels=PseudoLabels(0.4), strategy=RandomSampling())
        script.fit(X, np.where(np.arange(80) < 20, y, -1))
        for _ in range(2):
            for n_instances in looks:
                script.query(n_instances=n_instances)
            indices = script.query(n_instances=5)
            for n_instances in after:
                script.query(n_instances=n_instances)
            script.teach(indices=indices, y=y[indices])
        return script

    plain = taught()
    for other in (taught(30), taught(3, 50), taught(after=[30])):
        np.testing.assert_array_equal(plain.labeled_indices_, other.labeled_indices_)
        np.testing.assert_array_equal(plain.predict_proba(X), other.predict_proba(X))
        for name in ("indices", "labels"):
            np.testing.assert_array_equal(plain.pseudo_labels_[name], other.pseudo_labels_[name])
        for ours, theirs in zip(plain.history_, other.history_, strict=True):
            assert ours.keys() == theirs.keys()
            for name in ours.keys() - {"seconds_query", "seconds_fit"}:
                np.testing.assert_array_equal(ours[name], theirs[name])


def test_a_round_without_a_new_label_has_no_pseudo_labels():
    X, y = blobs()
    script = campaign(pseudo_labels=PseudoLabels(10.0, 0.0))
    script.fit(X, np.where(np.arange(80) < 20, y, -1))
    for labels in (y, np.full(80, -1)):
        asked = script.query()
        script.teach(indices=asked, y=labels[asked])
    trained, untold = script.history_[-2:]
    assert trained["n_pseudo_labeled"] > 0
    assert untold["n_trained"] == untold["n_pseudo_labeled"] == len(untold["pseudo_indices"]) == 0


def test_pseudo_labels_of_another_fit_are_forgotten():
    X, y = blobs()
    fitted = campaign(pseudo_labels=PseudoLabels(0.4)).fit(X, y)
    assert len(fitted.pseudo_labels_["indices"]) > 0
    assert not hasattr(fitted.set_params(pseudo_labels=None).fit(X, y), "pseudo_labels_")


def test_weight():
    X, y = blobs()
    fitted = campaign(pseudo_labels=PseudoLabels(0.4, 0.0, weight=0.25)).fit(X, y)
    labeled, guessed = fitted.labeled_indices_, fitted.pseudo_labels_
    by_hand = clone(fitted.estimator_).fit(
        X[np.r_[labeled, guessed["indices"]]],
        np.r_[y[labeled], guessed["labels"]],
        sample_weight=np.r_[np.ones(36), np.full(len(guessed["indices"]), 0.25)],
    )
    np.testing.assert_allclose(by_hand.predict_proba(X), fitted.predict_proba(X))


def test_sample_weight_counts_for_pseudo_labels_too():
    X, y = blobs()
    weights = np.linspace(0.2, 3, 80)
    fitted = campaign(pseudo_labels=PseudoLabels(0.4, 0.0, weight=0.25))
    fitted.fit(X, y, sample_weight=weights)
    labeled, guessed = fitted.labeled_indices_, fitted.pseudo_labels_
    assert len(guessed["indices"]) > 0
    by_hand = clone(fitted.estimator_).fit(
        X[np.r_[labeled, guessed["indices"]]],
        np.r_[y[labeled], guessed["labels"]],
        sample_weight=np.r_[weights[labeled], 0.25 * weights[guessed["indices"]]],
    )
    np.testing.assert_allclose(by_hand.predict_proba(X), fitted.predict_proba(X))


def test_weight_needs_a_classifier_that_takes_weights():
    X, y = blobs()
    with pytest.raises(ValueError, match="takes none"):
        campaign(pseudo_labels=PseudoLabels(weight=0.5)).set_params(
            estimator=KNeighborsClassifier()
        ).fit(X, y)


def test_hidden_labels_still_influence_nothing():
    X, y = blobs()
    first = campaign(pseudo_labels=PseudoLabels(0.5)).fit(X, y)
    second = campaign(pseudo_labels=PseudoLabels(0.5)).fit(
        X, permute_hidden(y, first.labeled_indices_, 1)
    )
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
