"""Rounds with too few labels for the classifier, and classifiers that lack what others have."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import SVC

from skal._utils.estimators.pipelines import Chain, ConstantClassifier
from skal.campaign import (
    LowUncertainty,
    NoGain,
    PseudoLabels,
    Replay,
    StabilizedPredictions,
    StoppingCriterion,
)
from skal.learner import UnsupportedStrategyError
from skal.strategies import (
    BADGE,
    BALD,
    BatchBALD,
    CoreSet,
    MarginSampling,
    QueryByCommittee,
    RandomSampling,
    TypiClust,
)
from tests.campaign.data import campaign

IRIS = load_iris(return_X_y=True)


def table():
    """Return measurements beside a text, which no model takes as they are."""
    X, y = IRIS
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["note"] = np.array(["red fox", "blue whale", "green frog"])[y]
    return frame, y


def with_selector():
    """Return a Pipeline whose only step reads text, and needs labels."""
    columns = make_column_transformer(
        (SelectKBest(k=2), list("abcd")), (CountVectorizer(), "note"), sparse_threshold=0
    )
    return make_pipeline(columns, GaussianNB())


class TestStepsThatNeedLabels:
    @pytest.mark.parametrize("strategy", [CoreSet(), BADGE(), TypiClust()], ids=repr)
    def test_all_rows_tie_while_nothing_makes_numbers_of_them(self, strategy):
        X, y = table()
        marked = np.where(np.arange(150) < 3, y, -1)
        asked = set()
        for seed in range(5):
            fitted = campaign(
                with_selector(), strategy, classes=[0, 1, 2], budget=None, random_state=seed
            ).fit(X, marked)
            assert isinstance(fitted.estimator_, ConstantClassifier)
            asked.add(tuple(fitted.query(n_instances=4)))
        assert len(asked) == 5
        rows = [60, 61, 110, 111]
        fitted.teach(indices=rows, y=y[rows])
        assert isinstance(Chain(fitted.estimator_).model, GaussianNB)
        assert len(fitted.query(n_instances=4)) == 4

    def test_the_first_choice_by_features_says_which_step_has_none_yet(self):
        with pytest.raises(
            UnsupportedStrategyError,
            match=r"ColumnTransformer needs labels.*initial_strategy=None",
        ):
            campaign(with_selector(), RandomSampling(), initial_strategy=CoreSet()).fit(*table())


def calibrated(cv):
    return CalibratedClassifierCV(SVC(), cv=cv)


class HoldsOut(LogisticRegression):
    """Validates on a fold of its rows, as skorch does with ``ValidSplit``."""

    def __init__(self, train_split, max_iter=500):
        super().__init__(max_iter=max_iter)
        self.train_split = train_split

    def fit(self, X, y):
        folds = StratifiedKFold if self.train_split.stratified else KFold
        train, _ = next(folds(self.train_split.cv).split(X, y))
        return super().fit(X[train], y[train])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (HoldsOut(SimpleNamespace(cv=7, stratified=True)), "HoldsOut needs 7 labels of a class"),
        (
            HoldsOut(SimpleNamespace(cv=14, stratified=False)),
            "HoldsOut needs 14 labels of all classes",
        ),
        (
            calibrated(KFold(6, shuffle=True)),
            "CalibratedClassifierCV needs 6 labels of each class",
        ),
        (calibrated(ShuffleSplit(6)), "CalibratedClassifierCV needs 6 labels of each class"),
        (OneVsRestClassifier(calibrated(6)), "needs 6 labels of each class"),
        (
            GridSearchCV(LogisticRegression(max_iter=500), {"C": [1.0]}, cv=KFold(14)),
            "GridSearchCV needs 14 labels of all classes",
        ),
        (KNeighborsClassifier(20), "KNeighborsClassifier needs 20 labels of all classes"),
        (
            make_imblearn_pipeline(SMOTE(k_neighbors=8), GaussianNB()),
            "SMOTE needs 9 labels of each smaller class",
        ),
        (BaggingClassifier(KNeighborsClassifier(20)), "needs 20 labels of all classes"),
        (
            make_pipeline(
                make_column_transformer((TargetEncoder(cv=7), [0]), remainder="passthrough"),
                GaussianNB(),
            ),
            "TargetEncoder needs 7 labels of a class",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_labels_too_few_for_a_part_of_the_classifier(estimator, message):
    X, y = IRIS
    with pytest.warns(UserWarning, match=message):
        fitted = campaign(estimator, RandomSampling(), n_instances=40).fit(X, y, eval_set=(X, y))
    assert fitted.history_[0]["eval_accuracy"] < 0.4
    assert fitted.history_[1]["eval_accuracy"] > 0.8


def test_a_resampler_with_nothing_to_do_needs_no_labels():
    X, y = IRIS
    marked = np.where(np.arange(150) % 50 < 3, y, -1)
    model = make_imblearn_pipeline(SMOTE(), GaussianNB())
    fitted = campaign(model, budget=None).fit(X, marked)
    assert isinstance(Chain(fitted.estimator_).model, GaussianNB)


def test_a_search_may_change_what_is_inside_it():
    search = GridSearchCV(KNeighborsClassifier(40), {"n_neighbors": [2]}, cv=StratifiedKFold(2))
    fitted = campaign(search, n_initial=30).fit(*IRIS, eval_set=IRIS)
    assert fitted.history_[0]["eval_accuracy"] > 0.6


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (BaggingClassifier(SVC()), "BaggingClassifier of SVC"),
        (make_pipeline(StandardScaler(), AdaBoostClassifier(SVC())), "AdaBoostClassifier of SVC"),
        (BaggingClassifier(make_pipeline(SVC())), "BaggingClassifier of Pipeline"),
        (VotingClassifier([("a", GaussianNB()), ("b", SVC())]), "VotingClassifier of SVC"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("strategy", [BALD(), BatchBALD(), QueryByCommittee()], ids=repr)
def test_members_without_probabilities_are_refused_before_training(estimator, name, strategy):
    fitted = campaign(estimator, strategy)
    with pytest.raises(UnsupportedStrategyError, match=f"sample_proba, which {name} does not"):
        fitted.fit(*IRIS)
    assert not hasattr(fitted, "history_")


def test_soft_voting_needs_the_probabilities_of_every_member():
    voting = VotingClassifier([("a", GaussianNB()), ("b", SVC())], voting="soft")
    message = "predict_proba, which VotingClassifier of SVC does not"
    with pytest.raises(UnsupportedStrategyError, match=message):
        campaign(voting).fit(*IRIS)
    voting.set_params(b="drop")
    assert campaign(voting, BALD()).fit(*IRIS).score(*IRIS) > 0.9


@pytest.mark.parametrize(
    "params",
    [
        {"replay": "uncertain"},
        {"replay": "diverse"},
        {"replay": Replay("var", threshold=5)},
        {"pseudo_labels": PseudoLabels()},
        {"stopping": [NoGain(), LowUncertainty()]},
        {"stopping": StabilizedPredictions()},
    ],
    ids=repr,
)
def test_whatever_needs_probabilities_says_so_before_training(params):
    fitted = campaign(SVC(), RandomSampling(), **params)
    with pytest.raises(UnsupportedStrategyError, match="needs predict_proba, which SVC does not"):
        fitted.fit(*IRIS)
    assert not hasattr(fitted, "history_")


def test_diverse_replay_needs_rows_that_can_be_embedded():
    X, y = IRIS
    fitted = campaign(LogisticRegression(max_iter=500), RandomSampling(), replay="diverse")
    with pytest.raises(UnsupportedStrategyError, match="the rows are sparse"):
        fitted.fit(sparse.csr_array(X), y)
    assert not hasattr(fitted, "history_")
    assert campaign(SVC(), RandomSampling(), replay="none").fit(X, y).n_rounds_ == 2


class Duck:
    """A classifier with fit, predict and predict_proba, and nothing else."""

    def fit(self, X, y):
        self.inner = GaussianNB().fit(X, y)
        return self

    def predict(self, X):
        return self.inner.predict(X)

    def predict_proba(self, X):
        return self.inner.predict_proba(X)


@pytest.mark.parametrize("strategy", [MarginSampling(), BADGE(), CoreSet()], ids=repr)
def test_a_duck_type_behind_a_scaler_is_the_classifier_that_it_imitates(strategy):
    X, y = IRIS
    params = {"stopping": NoGain(), "store_rounds": True}
    duck, real = (
        campaign(make_pipeline(StandardScaler(), make_pipeline(model)), strategy, **params).fit(
            X, y, eval_set=(X, y)
        )
        for model in (Duck(), GaussianNB())
    )
    np.testing.assert_array_equal(duck.labeled_indices_, real.labeled_indices_)
    np.testing.assert_array_equal(duck.predict(X), real.predict(X))
    np.testing.assert_array_equal(duck.predict_proba(X), real.predict_proba(X))
    duck.teach(X[:2], y[:2])
    assert duck.history_[1]["eval_accuracy"] == real.history_[1]["eval_accuracy"]


def test_a_criterion_cannot_change_the_records():
    class Meddler(StoppingCriterion):
        def reason(self, campaign):
            campaign.history[-1]["indices"][:] = 0
            campaign.history[-1]["scores"][:] = 7

    X, y = IRIS
    model = RandomForestClassifier(3)
    meddled = campaign(model, stopping=Meddler()).fit(X, y)
    for ours, theirs in zip(meddled.history_, campaign(model).fit(X, y).history_, strict=True):
        np.testing.assert_array_equal(ours["indices"], theirs["indices"])
        np.testing.assert_array_equal(ours["scores"], theirs["scores"])


def test_a_pickle_leaves_out_every_fact_about_unlabeled_rows():
    X, y = np.tile(IRIS[0], (60, 1)), np.tile(IRIS[1], 60)
    facts = {"groups": np.arange(9000), "starts": np.arange(9000.0)}
    fitted = campaign(GaussianNB(), RandomSampling()).fit(
        X, y, sample_weight=np.ones(9000), **facts
    )
    assert len(pickle.dumps(fitted)) < 40_000
