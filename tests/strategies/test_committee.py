"""Query by committee, against loops over members."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skal.strategies.committee import (
    QueryByCommittee,
    consensus_entropy,
    max_disagreement,
    vote_entropy,
)


def _entropy(distribution):
    return -sum(p * np.log(p) for p in distribution if p > 0)


def _vote_entropy(members):
    votes = [list(proba).index(max(proba)) for proba in members]
    return _entropy([votes.count(c) / len(votes) for c in range(members.shape[1])])


def _consensus_entropy(members):
    return _entropy(members.mean(axis=0))


def _max_disagreement(members):
    mean = members.mean(axis=0)
    return max(
        sum(p * np.log(p / q) for p, q in zip(member, mean, strict=True) if p > 0)
        for member in members
    )


PAIRS = [
    (vote_entropy, _vote_entropy),
    (consensus_entropy, _consensus_entropy),
    (max_disagreement, _max_disagreement),
]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 5), st.booleans())
@pytest.mark.parametrize(("function", "oracle"), PAIRS)
def test_disagreement_of_single_rows(function, oracle, seed, n_members, n_classes, sure):
    rng = np.random.RandomState(seed)
    concentration = np.full(n_classes, 0.02 if sure else 1)
    samples = rng.dirichlet(concentration, size=(n_members, 8))
    expected = [oracle(samples[:, row]) for row in range(8)]
    np.testing.assert_allclose(function(samples), expected, atol=1e-12)
    single = function(samples.astype(np.float32))
    if function is not vote_entropy:
        np.testing.assert_allclose(single, expected, atol=1e-5)


@pytest.mark.parametrize("function", [vote_entropy, max_disagreement])
def test_members_that_agree_do_not_disagree(function):
    proba = np.random.RandomState(0).dirichlet(np.ones(4), size=9)
    np.testing.assert_allclose(function(np.stack([proba] * 3)), 0, atol=1e-14)


COMMITTEES = [
    BaggingClassifier(LogisticRegression(), 6, max_samples=0.2, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(max_depth=2), 6, max_features=0.5, random_state=0),
    RandomForestClassifier(6, max_depth=3, random_state=0),
    VotingClassifier([("lr", LogisticRegression()), ("nb", GaussianNB())], voting="soft"),
    make_pipeline(StandardScaler(), RandomForestClassifier(6, max_depth=3, random_state=0)),
]


@pytest.mark.parametrize("committee", COMMITTEES, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize(("function", "oracle"), PAIRS)
def test_committee_of_an_ensemble(committee, function, oracle):
    X, y = make_classification(200, 6, n_classes=3, n_informative=5, n_redundant=0, random_state=0)
    committee.fit(X[:60], np.array(["a", "b", "c"])[y[:60]])
    strategy = QueryByCommittee(function.__name__)
    positions, scores = strategy.query(committee, X, 10, random_state=0, return_scores=True)
    ensemble, features = committee, X
    if hasattr(committee, "steps"):
        ensemble, features = committee[-1], committee[:-1].transform(X)
    columns = getattr(ensemble, "estimators_features_", None)
    members = np.stack(
        [
            member.predict_proba(features if columns is None else features[:, columns[number]])
            for number, member in enumerate(ensemble.estimators_)
        ]
    )
    expected = np.array([oracle(members[:, row]) for row in range(len(X))])
    np.testing.assert_allclose(scores, expected[positions], atol=1e-12)
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][:10], atol=1e-12)


def test_an_unknown_disagreement_is_refused():
    X = np.random.RandomState(0).randn(10, 2)
    forest = RandomForestClassifier(3).fit(X, X[:, 0] > 0)
    with pytest.raises(ValueError, match="vote_entropy"):
        QueryByCommittee("votes").query(forest, X, 1)
