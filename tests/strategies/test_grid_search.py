"""A grid search tunes a strategy inside a campaign, as any other part of an estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skal import ActiveLearningClassifier
from skal.metrics import area_under_budget_curve, budget_curve, budget_curve_scorer
from skal.strategies import EntropyDensityPeaks

GRID = {
    "strategy__prefilter": [2, 5],
    "strategy__peak_fraction": [0.2, 0.8],
    "strategy__percent": [1.5, 20.0],
}
FOLDS = StratifiedKFold(2)


def _campaign(estimator, strategy, n_instances, budget):
    return ActiveLearningClassifier(
        estimator,
        strategy,
        n_initial=12,
        n_instances=n_instances,
        budget=budget,
        store_rounds=True,
        random_state=0,
    )


def _search(campaign, X, y, refit=True):
    search = GridSearchCV(campaign, GRID, scoring=budget_curve_scorer, cv=FOLDS, refit=refit)
    return search.fit(X, y)


def _strategy(params):
    """Make by hand the strategy that a candidate of the grid stands for."""
    return EntropyDensityPeaks(**{k.removeprefix("strategy__"): v for k, v in params.items()})


@pytest.fixture(scope="module")
def data():
    """Make four classes of two clusters each."""
    return make_classification(
        300, 8, n_informative=5, n_classes=4, n_clusters_per_class=2, random_state=1
    )


@pytest.fixture(scope="module")
def searched(data):
    """Run the search on logistic regression."""
    return _search(_campaign(LogisticRegression(), EntropyDensityPeaks(), 10, 42), *data)


def test_each_candidate_is_a_campaign_with_its_own_strategy(searched, data):
    X, y = data
    folds = list(FOLDS.split(X, y))
    assert len(searched.cv_results_["params"]) == 8
    for number, params in enumerate(searched.cv_results_["params"]):
        for fold, (train, test) in enumerate(folds):
            campaign = _campaign(LogisticRegression(), _strategy(params), 10, 42)
            campaign.fit(X[train], y[train], eval_set=(X[test], y[test]))
            expected = area_under_budget_curve(*budget_curve(campaign.history_))
            found = searched.cv_results_[f"split{fold}_test_score"][number]
            assert found == pytest.approx(expected)


def test_the_best_campaign_is_the_one_made_by_hand(searched, data):
    best = searched.cv_results_["params"][int(np.argmax(searched.cv_results_["mean_test_score"]))]
    assert searched.best_params_ == best
    by_hand = _campaign(LogisticRegression(), _strategy(best), 10, 42).fit(*data)
    np.testing.assert_array_equal(
        searched.best_estimator_.labeled_indices_, by_hand.labeled_indices_
    )


@pytest.mark.parametrize("name", GRID)
def test_every_parameter_reaches_the_queries(name, data):
    campaign = _campaign(LogisticRegression(), EntropyDensityPeaks(prefilter=5), 10, 42)
    asked = [
        clone(campaign).set_params(**{name: value}).fit(*data).labeled_indices_
        for value in GRID[name]
    ]
    np.testing.assert_array_equal(asked[0][:12], asked[1][:12])  # the first labels
    assert set(asked[0]) != set(asked[1])


@pytest.mark.slow
def test_a_network_on_recordings(fsdd_home):
    from skal.audio import LogMelSpectrogram
    from skal.datasets import load_fsdd
    from skal.models import CNNClassifier, CompactCNN

    sounds = load_fsdd(fsdd_home)
    rows = np.flatnonzero(sounds.target < 4)[::8]
    mel = LogMelSpectrogram(sr=8000, n_fft=512, hop_length=400, n_mels=30, duration=1.0)
    X, y = mel.fit_transform(sounds.paths[rows]), sounds.target[rows]
    network = CNNClassifier(CompactCNN(filters=(8, 16), n_embedding=16, n_members=1), steps=60)
    search = _search(_campaign(network, EntropyDensityPeaks(), 12, 36), X, y, refit=False)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 8
    assert len(set(scores)) > 1
    assert scores.min() > 0.35  # one in four is chance
