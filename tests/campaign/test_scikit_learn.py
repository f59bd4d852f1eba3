"""ActiveLearningClassifier among scikit-learn's own: its checks, routing, Pipeline, search."""

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearningClassifier
from skal.strategies import EntropySampling, MarginSampling
from tests.campaign.data import blobs, model

EXPECTED_FAILURES = dict.fromkeys(
    [
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ],
    "a row of weight 0 can be asked for and spends budget, a row that is not there cannot",
)


@parametrize_with_checks(
    # unlabeled=None: the checks use -1 as a class.
    [ActiveLearningClassifier(LogisticRegression(), unlabeled=None, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_grid_search_over_the_campaign_and_its_parts():
    X, y = blobs(120)
    search = GridSearchCV(
        make_pipeline(
            StandardScaler(),
            ActiveLearningClassifier(model(), n_initial=8, budget=40, random_state=0),
        ),
        {
            "activelearningclassifier__strategy": [MarginSampling(), EntropySampling()],
            "activelearningclassifier__n_instances": [4, 16],
            "activelearningclassifier__estimator__C": [0.1, 1.0],
        },
        cv=3,
        n_jobs=2,
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_[-1]
    indices = best.query()
    assert len(np.intersect1d(indices, best.labeled_indices_)) == 0
    best.teach(indices=indices, y=y[indices])
    assert len(best.labeled_indices_) == 40 + len(indices)


def test_campaigns_from_other_processes_predict_and_say_what_they_left_there():
    X, y = blobs()
    campaign = ActiveLearningClassifier(model(), n_initial=8, budget=20, random_state=0)
    results = cross_validate(campaign, X, y, cv=2, n_jobs=2, return_estimator=True)
    for estimator in results["estimator"]:
        assert estimator.predict_proba(X).shape == (80, 4)
        with pytest.raises(ValueError, match=r"pool of this campaign \(40 rows"):
            estimator.query()
        assert len(estimator.fit(X, y).query()) == 20


def test_sparse_rows_are_asked_as_dense_ones():
    X, y = blobs()
    campaign = ActiveLearningClassifier(
        make_pipeline(StandardScaler(with_mean=False), model()), n_initial=8, random_state=0
    )
    expected = campaign.fit(X, y).labeled_indices_
    for rows in (sparse.csr_matrix(X), sparse.coo_array(X), sparse.csc_matrix(X)):
        np.testing.assert_array_equal(campaign.fit(rows, y).labeled_indices_, expected)


def test_weights_reach_the_classifier():
    X, y = blobs()
    weights = np.random.RandomState(0).rand(80)
    fitted = ActiveLearningClassifier(GaussianNB(), n_initial=20, budget=40, random_state=0)
    fitted.fit(X, y, sample_weight=weights)
    labeled = fitted.labeled_indices_
    by_hand = GaussianNB().fit(X[labeled], y[labeled], sample_weight=weights[labeled])
    np.testing.assert_allclose(fitted.predict_proba(X), by_hand.predict_proba(X))
    piped = ActiveLearningClassifier(
        make_pipeline(StandardScaler(), GaussianNB()), n_initial=20, random_state=0
    ).fit(X, y, sample_weight=weights)
    unweighted = ActiveLearningClassifier(
        make_pipeline(StandardScaler(), GaussianNB()), n_initial=20, random_state=0
    ).fit(X, y)
    assert not np.allclose(piped.predict_proba(X), unweighted.predict_proba(X))


def test_a_round_whose_labels_have_no_weight():
    X, y = blobs()
    campaign = ActiveLearningClassifier(GaussianNB(), n_initial=8, budget=40, random_state=0)
    first = campaign.fit(X, y).history_[0]["indices"]
    weights = np.ones(80)
    weights[first] = 0
    fitted = campaign.fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(fitted.history_[0]["indices"], first)
    assert fitted.score(X, y) > 0.5


def test_weights_that_nobody_takes_are_refused():
    X, y = blobs()
    with pytest.raises(ValueError, match=r"KNeighborsClassifier.fit takes none"):
        ActiveLearningClassifier(KNeighborsClassifier()).fit(X, y, sample_weight=np.ones(80))


def test_metadata_routing():
    X, y = blobs()
    weights = np.random.RandomState(0).rand(80)
    groups = np.arange(80) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        inner = GaussianNB().set_fit_request(sample_weight=True)
        campaign = ActiveLearningClassifier(inner, n_initial=20, budget=40, random_state=0)
        campaign.set_fit_request(groups=True, eval_set=True, sample_weight=True)
        campaign.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, campaign)
        pipeline.fit(X, y, groups=groups, sample_weight=weights, eval_set=(X, y))
        fitted = pipeline[-1]
        assert "eval_accuracy" in fitted.history_[0]
        labeled = fitted.labeled_indices_
        scaled = pipeline[0].transform(X)
        by_hand = GaussianNB().fit(scaled[labeled], y[labeled], sample_weight=weights[labeled])
        np.testing.assert_allclose(pipeline.predict_proba(X), by_hand.predict_proba(scaled))
        results = cross_validate(
            campaign, X, y, params={"groups": groups, "sample_weight": weights}, cv=3
        )
        assert len(results["test_score"]) == 3


MEMBERS = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2))]


@pytest.mark.parametrize(
    "estimator",
    [
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2),
        BaggingClassifier(GaussianNB(), 3),
        VotingClassifier(MEMBERS, voting="soft"),
        OneVsRestClassifier(GaussianNB()),
        KNeighborsClassifier(3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_metadata_routing_to_what_routes_itself(estimator):
    X, y = blobs()
    with sklearn.config_context(enable_metadata_routing=True):
        campaign = ActiveLearningClassifier(
            make_pipeline(StandardScaler(), estimator), n_initial=20, budget=40, random_state=0
        )
        assert campaign.fit(X, y).score(X, y) > 0.4


@pytest.mark.parametrize(
    "estimator",
    [
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2),
        GridSearchCV(
            make_pipeline(StandardScaler(), GaussianNB()),
            {"gaussiannb__var_smoothing": [1e-9]},
            cv=2,
        ),
        VotingClassifier([*MEMBERS, ("none", "drop")], voting="soft"),
        StackingClassifier(MEMBERS, GaussianNB(), cv=2),
    ],
    ids=["search", "search over a Pipeline", "votes", "stack"],
)
@pytest.mark.parametrize("piped", [False, True])
def test_weights_reach_what_is_inside(estimator, piped):
    X, y = blobs()
    weights = np.where(y < 2, 1.0, 1e-9)
    outer = make_pipeline(MinMaxScaler(), estimator) if piped else estimator
    campaign = ActiveLearningClassifier(outer, n_initial=40, budget=40, random_state=0)
    fitted = campaign.fit(X, y, sample_weight=weights)
    assert np.isin(fitted.predict(X), [0, 1]).mean() > 0.9
    assert np.isin(campaign.fit(X, y).predict(X), [0, 1]).mean() < 0.8


def test_weights_that_a_member_does_not_take_are_refused():
    X, y = blobs()
    votes = VotingClassifier([*MEMBERS, ("near", KNeighborsClassifier())], voting="soft")
    with pytest.raises(ValueError, match=r"VotingClassifier.fit takes none"):
        ActiveLearningClassifier(votes).fit(X, y, sample_weight=np.ones(80))


def test_groups_reach_the_strategy():
    X, y = blobs()
    groups = np.arange(80) // 2
    seen = []

    class Spy(MarginSampling):
        def select(self, learner, X, n_instances, *, groups, **rest):
            seen.append((X.positions, groups))
            return super().select(learner, X, n_instances, groups=groups, **rest)

    ActiveLearningClassifier(model(), Spy(), n_initial=8, budget=40).fit(X, y, groups=groups)
    assert seen
    for positions, given in seen:
        np.testing.assert_array_equal(groups[positions], given)
