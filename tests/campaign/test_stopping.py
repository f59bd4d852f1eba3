"""When a campaign stops, and what it says then."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score

from skal import ActiveLearningClassifier
from skal.campaign import (
    CampaignView,
    LowUncertainty,
    NoGain,
    StabilizedPredictions,
    StoppingCriterion,
    TargetScore,
)
from skal.strategies import RandomSampling
from tests.campaign.data import blobs, model, permute_hidden


def easy():
    return blobs(200, n_classes=3, seed=4)


def campaign(**params):
    defaults = {"n_initial": 12, "n_instances": 10, "budget": None, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


class TestTargetScore:
    @pytest.mark.parametrize("validation", [5, 0.3])
    def test_stops_where_the_labels_say_so(self, validation):
        X, y = easy()
        fitted = campaign(stopping=TargetScore(0.8, validation=validation)).fit(X, y)
        assert "reaches the target of 0.8" in fitted.stop_reason_
        assert fitted.history_[-1]["n_labeled"] < 200

    def test_never_reached(self):
        X, _ = easy()
        noise = np.random.RandomState(0).randint(3, size=200)
        fitted = campaign(stopping=TargetScore(0.99)).fit(X, noise)
        assert fitted.stop_reason_ == "the pool is empty"

    @pytest.mark.parametrize("validation", [50, 0.01])
    def test_too_few_labels_to_validate(self, validation):
        X, y = easy()
        fitted = campaign(stopping=TargetScore(0.0, validation=validation), budget=40).fit(X, y)
        assert fitted.history_[-1]["n_labeled"] == 40


class TestNoGain:
    def test_stops_when_scores_no_longer_rise(self):
        X, y = easy()
        fitted = campaign(stopping=NoGain(2, min_gain=0.3)).fit(X, y)
        assert fitted.stop_reason_.startswith("the validated accuracy has not risen in 2 rounds")
        assert len(fitted.history_) == 3

    def test_goes_on_while_they_rise(self):
        class Rising(NoGain):
            def _score(self, campaign):
                return campaign.n_labeled / 200

        X, y = easy()
        fitted = campaign(stopping=Rising(1, min_gain=0.01)).fit(X, y)
        assert fitted.stop_reason_ == "the pool is empty"


class TestStabilizedPredictions:
    def test_stops_at_the_kappa_it_names(self):
        X, y = easy()
        fitted = campaign(stopping=StabilizedPredictions(0.9, n_rounds=2), store_rounds=True).fit(
            X, y
        )
        assert fitted.stop_reason_.startswith("predictions are stable")
        stages = list(fitted.staged_predict(X))
        kappas = [cohen_kappa_score(a, b) for a, b in pairwise(stages)]
        means = [np.mean(kappas[max(0, i - 1) : i + 1]) for i in range(1, len(kappas))]
        assert means[-1] >= 0.9
        assert all(mean < 0.9 for mean in means[:-1])

    def test_a_sample_of_the_rows(self):
        X, y = easy()
        fitted = campaign(stopping=StabilizedPredictions(0.5, n_rounds=1, max_rows=50)).fit(X, y)
        assert len(fitted._rounds.criteria[-1].rows_) == 50


def test_low_uncertainty():
    X, y = easy()
    fitted = campaign(stopping=LowUncertainty(0.6), n_instances=20).fit(X, y)
    assert fitted.stop_reason_.startswith("no candidate is uncertain")
    rest = np.setdiff1d(np.arange(200), fitted.labeled_indices_)
    assert scipy_entropy(fitted.predict_proba(X[rest]), axis=1).max() < 0.6


def test_the_first_of_several_counts_and_the_objects_given_stay_untouched():
    X, y = easy()
    given = [TargetScore(1.0), StabilizedPredictions(0.9)]
    fitted = campaign(stopping=given, budget=22).fit(X, y)
    assert fitted.stop_reason_ == "the budget of 22 labels is spent"
    assert not hasattr(given[1], "rows_")


class _StopsAt(StoppingCriterion):
    """Stops in one round, and writes down which rounds it has been asked about."""

    def __init__(self, name, at):
        self.name = name
        self.at = at

    def reason(self, campaign):
        self.rounds_ = [*getattr(self, "rounds_", []), campaign.n_rounds]
        return self.name if campaign.n_rounds >= self.at else None


class TestLists:
    @pytest.mark.parametrize(
        ("first", "second", "wanted"), [(9, 2, "b"), (2, 9, "a"), (2, 2, "a")]
    )
    def test_whichever_stops_first_counts_and_in_one_round_the_first_of_the_list(
        self, first, second, wanted
    ):
        X, y = easy()
        fitted = campaign(stopping=[_StopsAt("a", first), _StopsAt("b", second)]).fit(X, y)
        assert fitted.stop_reason_ == wanted
        assert fitted.n_rounds_ == 2

    def test_all_are_asked_in_every_round(self):
        X, y = easy()
        fitted = campaign(stopping=[_StopsAt("a", 2), _StopsAt("b", 2)]).fit(X, y)
        assert [c.rounds_ for c in fitted._rounds.criteria[-2:]] == [[0, 1, 2]] * 2


def test_each_round_seeds_the_classifier_that_is_validated_anew():
    X, y = easy()
    seeds = []

    class Seeded(LogisticRegression):
        def fit(self, X, y):
            seeds.append(self.random_state)
            return super().fit(X, y)

    learner = campaign(stopping=TargetScore(1.0, validation=2), budget=42)
    learner.set_params(estimator=Seeded(random_state=5)).fit(X, y)
    # Each round trains the model and two folds; the last one is stopped before, by its budget.
    trained, *folds = np.reshape(seeds[:-1], (3, 3)).T.tolist()
    assert folds[0] == folds[1]
    assert len({*trained, *folds[0], 5}) == 7


@pytest.mark.parametrize("validation", [3, 0.4])
def test_the_seed_decides_what_is_held_out(validation):
    X, y = easy()

    def rows_trained_on():
        sums = []

        class Records(LogisticRegression):
            def fit(self, X, y):
                sums.append(X.sum())
                return super().fit(X, y)

        learner = campaign(stopping=TargetScore(1.0, validation=validation), budget=42)
        learner.set_params(estimator=Records()).fit(X, y)
        return sums

    assert rows_trained_on() == rows_trained_on()


class _Remembers(LogisticRegression):
    """Counts its fits, as a warm start would go on from them."""

    def fit(self, X, y):
        self.n_fits_ = getattr(self, "n_fits_", 0) + 1 if self.warm_start else 1
        return super().fit(X, y)

    def predict(self, X):
        assert self.n_fits_ == 1, "validated with a model that has seen the rows held out"
        return super().predict(X)


def test_what_is_validated_starts_anew_in_each_fold_of_a_warm_start():
    X, y = easy()
    stopping = TargetScore(1.0, validation=3)
    ActiveLearningClassifier(
        _Remembers(warm_start=True), RandomSampling(), stopping=stopping, budget=40, random_state=0
    ).fit(X, y)


def test_a_criterion_of_ones_own():
    class EnoughOfEachClass(StoppingCriterion):
        def __init__(self, n=10):
            self.n = n

        def reason(self, campaign):
            counts = np.bincount(campaign.labels(), minlength=3)
            return "enough of each" if counts.min() >= self.n else None

    X, y = easy()
    fitted = campaign(stopping=EnoughOfEachClass(15)).fit(X, y)
    assert fitted.stop_reason_ == "enough of each"
    assert np.bincount(y[fitted.labeled_indices_]).min() >= 15


@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_weights_are_read_without_the_rows(weighted, monkeypatch):
    X, y = easy()
    weights = np.linspace(0.5, 2, 200) if weighted else None
    known = np.where(np.arange(200) % 10 == 0, y, -1)
    fitted = campaign().fit(X, known, sample_weight=weights, groups=np.arange(200) // 4)
    fitted.teach(indices=[7, 3], y=y[[7, 3]])
    fitted.teach(X[:3], y[:3])
    view, rows = CampaignView(fitted._rounds), [*range(0, 200, 10), 7, 3]

    def refuse(parts):
        raise AssertionError("rows were put together")

    monkeypatch.setattr("skal.campaign.state.concatenate", refuse)
    np.testing.assert_array_equal(view.labels(), [*y[rows], *y[:3]])
    assert len(view.groups()) == len(rows) + 3
    if weighted:
        np.testing.assert_array_equal(view.weights(), [*weights[rows], 1, 1, 1])
    else:
        assert view.weights() is None


def test_a_script_is_told_as_well():
    X, y = easy()
    fitted = campaign(stopping=TargetScore(0.7)).fit(X, np.where(np.arange(200) < 12, y, -1))
    while fitted.stop_reason_.startswith("waiting"):
        indices = fitted.query()
        fitted.teach(indices=indices, y=y[indices])
    assert "reaches the target" in fitted.stop_reason_


@pytest.mark.parametrize(
    "stopping", [TargetScore(0.9), NoGain(2), StabilizedPredictions(0.9), LowUncertainty(0.6)]
)
def test_hidden_labels_influence_no_stop(stopping):
    X, y = easy()
    first = campaign(stopping=stopping).fit(X, y)
    second = campaign(stopping=stopping).fit(X, permute_hidden(y, first.labeled_indices_, 1))
    assert first.stop_reason_ == second.stop_reason_
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)


@pytest.mark.parametrize("validation", [3, 10, 0.3])
def test_groups_are_never_on_both_sides(validation):
    X = np.c_[np.arange(80.0), np.arange(80) % 2]
    y, groups, n_shared = np.arange(80) % 2, np.arange(80) // 10, []

    class Remembers(LogisticRegression):
        def fit(self, X, y):
            self.groups_ = np.unique(X[:, 0] // 10)
            return super().fit(X, y)

        def predict(self, X):
            n_shared.append(np.isin(X[:, 0] // 10, self.groups_).sum())
            return super().predict(X)

    ActiveLearningClassifier(
        Remembers(),
        n_initial=40,
        budget=60,
        stopping=TargetScore(1.0, validation=validation),
        random_state=0,
    ).fit(X, y, groups=groups.astype(str))
    assert len(n_shared) > 0
    assert sum(n_shared) == 0


class TestWeights:
    def test_labels_are_validated_with_their_weights(self):
        """Labels of weight zero are wrong ones: whoever looked at them would see no target."""
        X, y = easy()
        wrong = np.arange(200) % 2 == 0
        labels, weights = np.where(wrong, (y + 1) % 3, y), np.where(wrong, 0.0, 1.0)
        stopping = TargetScore(0.7)
        fitted = campaign(stopping=stopping, n_initial=60).fit(X, labels, sample_weight=weights)
        assert "reaches the target" in fitted.stop_reason_
        assert "reaches" not in campaign(stopping=stopping).fit(X, labels).stop_reason_

    def test_weights_reach_the_classifier_that_is_validated(self):
        X, y = easy()
        seen = []

        class Looking(LogisticRegression):
            def fit(self, X, y, sample_weight=None):
                seen.append(set(sample_weight))
                return super().fit(X, y, sample_weight)

        learner = campaign(stopping=NoGain(9, validation=0.3), budget=22)
        learner.set_params(estimator=Looking()).fit(X, y, sample_weight=np.full(200, 0.5))
        assert seen == [{0.5}] * 3
