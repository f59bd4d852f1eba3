"""Strategies that gather rows of one kind."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from skal.learner import Learner
from skal.strategies import MostLikely, SimilarTo
from tests.strategies.fakes import FakeNet


@pytest.fixture
def X():
    return np.random.RandomState(0).standard_normal((60, 3))


def test_similar_rows_come_first(X):
    examples = X[:3] * 2
    picks, scores = SimilarTo(examples).query(
        Learner.without_model(None, X), X, 12, random_state=0, return_scores=True
    )
    expected = cosine_similarity(X, examples).max(axis=1)
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][:12], rtol=1e-5)
    np.testing.assert_allclose(expected[picks], scores, rtol=1e-5)


def test_similarity_is_that_of_the_embeddings(X):
    net = FakeNet().fit(X, np.arange(60) % 3)
    expected = cosine_similarity(net.embed(X), net.embed(X[:1]))[:, 0]
    np.testing.assert_allclose(SimilarTo(X[:1]).score(Learner(net), X), expected, atol=1e-6)


def test_no_examples_are_refused(X):
    with pytest.raises(ValueError, match="at least one"):
        SimilarTo(X[:0]).query(Learner.without_model(None, X), X, 2)


@pytest.mark.parametrize("label", ["frog", "owl"])
def test_most_likely_rows_of_a_class(X, label):
    y = np.array(["frog", "owl", "rain"])[np.arange(60) % 3]
    net = FakeNet().fit(X, y)
    picks = MostLikely(label).query(net, X, 7, random_state=0)
    column = net.predict_proba(X)[:, ["frog", "owl", "rain"].index(label)]
    np.testing.assert_array_equal(picks, np.argsort(-column)[:7])


def test_a_class_that_is_none_is_named(X):
    net = FakeNet().fit(X, np.arange(60) % 3)
    with pytest.raises(ValueError, match=r"'frog'.*classes are 0, 1, 2"):
        MostLikely("frog").query(net, X, 7)
