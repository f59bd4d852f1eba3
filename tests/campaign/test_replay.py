"""Replay: which old labels a round trains on."""

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from skal import ActiveLearningClassifier
from skal._utils.rows.lazy import Rows
from skal.campaign import Replay
from skal.learner import Learner
from tests.campaign.data import blobs, model, permute_hidden

MODES = ["none", "uncertain", "var", "diverse"]


def campaign(**params):
    defaults = {"n_initial": 12, "n_instances": 6, "budget": 48, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


def fitted_learner(X, y):
    return Learner(model().fit(X[:40], y[:40]))


def test_every_old_label_is_kept_up_to_the_threshold():
    X, y = blobs()
    expected = campaign().fit(X, y)
    fitted = campaign(replay=Replay("uncertain", threshold=1000)).fit(X, y)
    np.testing.assert_array_equal(expected.labeled_indices_, fitted.labeled_indices_)
    assert fitted.history_[-1]["n_trained"] == 48


def test_none_trains_on_new_labels_only():
    X, y = blobs()
    fitted = campaign(replay="none", n_instances=12).fit(X, y)
    assert [record["n_trained"] for record in fitted.history_] == [12, 12, 12, 12]


@pytest.mark.parametrize("mode", ["uncertain", "var"])
def test_certain_and_var_by_brute_force(mode):
    X, y = blobs()
    learner = fitted_learner(X, y)
    kept = Replay(mode, threshold=20, fraction=0.6).choose(learner, Rows(X, np.arange(80)), y)
    fraction = 0.6 if mode == "uncertain" else 0.6 * 20 / 80
    proba = learner.predict_proba(X)
    expected = []
    for c in range(4):
        right = [i for i in range(80) if y[i] == c and proba[i].argmax() == c]
        right.sort(key=lambda i: -scipy_entropy(proba[i]))
        expected += right[: int(np.ceil(fraction * len(right)))]
        expected += [i for i in range(80) if y[i] == c and proba[i].argmax() != c]
    np.testing.assert_array_equal(kept, np.sort(expected))


@pytest.mark.parametrize("replay", [Replay("uncertain", fraction=0.0), Replay("var", threshold=1)])
def test_no_class_vanishes(replay):
    X, y = blobs()
    learner = fitted_learner(X, y)
    right = learner.predict_proba(X).argmax(axis=1) == y
    kept = replay.choose(learner, Rows(X, np.arange(80)), y)
    n_right_kept = np.bincount(y[kept][right[kept]], minlength=4)
    np.testing.assert_array_equal(n_right_kept, np.minimum(1, np.bincount(y[right], minlength=4)))
    assert n_right_kept.sum() == 3
    assert np.isin(np.flatnonzero(~right), kept).all()


def test_diverse_keeps_dense_points_and_all_mistakes():
    rng = np.random.RandomState(0)
    far = rng.normal(size=(40, 2)) * 0.3 + [[4, 0]]
    X = np.r_[rng.normal(size=(40, 2)) * 0.3, far]
    y = np.repeat([0, 1], 40)
    learner = Learner(model().fit(X, y))
    y_with_mistake = y.copy()
    y_with_mistake[3] = 1
    kept = Replay("diverse", fraction=0.25).choose(learner, Rows(X, np.arange(80)), y_with_mistake)
    assert 3 in kept
    assert len(kept) == 10 + 10 + 1
    # The most prominent point of a class lies where the class is dense.
    assert np.linalg.norm(X[kept[kept < 40]].mean(axis=0)) < 0.5


def test_diverse_keeps_the_peak_of_each_cluster():
    rng = np.random.RandomState(0)
    centers = np.repeat([[0, 0], [3, 3], [10, 0], [10, 5]], 20, axis=0)
    X = centers + rng.normal(size=(80, 2)) * 0.3
    y = np.repeat([0, 1], 40)
    learner = Learner(model().fit(X, y))
    kept = Replay("diverse", fraction=0.05).choose(learner, Rows(X, np.arange(80)), y)
    assert (kept // 20).tolist() == [0, 1, 2, 3]  # one of each cluster, two of each class
    assert np.linalg.norm(X[kept] - centers[kept], axis=1).max() < 0.5


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_runs_and_sees_no_hidden_label(mode):
    X, y = blobs()
    replay = Replay("var", threshold=20) if mode == "var" else mode
    first = campaign(replay=replay).fit(X, y)
    second = campaign(replay=replay).fit(X, permute_hidden(y, first.labeled_indices_, 1))
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    assert first.history_[0]["n_trained"] == 12
    if mode in ("uncertain", "diverse"):
        assert first.history_[-1]["n_trained"] < 48


@pytest.mark.parametrize("replay", ["var", Replay("var"), Replay("var", fraction=1.0)])
def test_var_without_a_threshold_is_refused_before_any_training(replay):
    X, y = blobs()
    refused = campaign(replay=replay)
    with pytest.raises(ValueError, match=r"threshold above 0, such as Replay\('var', threshold="):
        refused.fit(X, y)
    assert not hasattr(refused, "history_")


def test_classes_of_one_or_two_old_labels():
    X, y = blobs(12)
    learner = fitted_learner(*blobs())
    for mode in MODES[2:]:
        kept = Replay(mode, threshold=1, fraction=0.1).choose(learner, Rows(X, np.arange(12)), y)
        assert set(y[kept]) == set(y)
