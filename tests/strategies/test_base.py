"""What the base of all strategies promises: validation, ranking, functions as strategies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from skal._utils.rows.lazy import Rows
from skal.learner import Learner, UnsupportedStrategyError
from skal.strategies import (
    MarginSampling,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
)
from skal.strategies.base import FunctionStrategy, as_strategy
from skal.strategies.ranking import pick_highest


@pytest.fixture
def X():
    return np.random.RandomState(0).randn(30, 2)


@pytest.fixture
def model(X):
    return LogisticRegression().fit(X, X[:, 0] > 0)


@settings(max_examples=100)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=20), st.data())
def test_top_takes_the_highest_in_order(values, data):
    scores = np.array(values, dtype=float)
    n_instances = data.draw(st.integers(1, len(scores)))
    positions = pick_highest(scores, n_instances, np.random.RandomState(0))
    assert len(np.unique(positions)) == n_instances
    assert scores[positions].tolist() == sorted(values, reverse=True)[:n_instances]


@pytest.mark.parametrize("n_instances", [1, 3, 7])
def test_top_breaks_ties_by_chance_alone(n_instances):
    rng = np.random.RandomState(0)
    scores = np.r_[np.zeros(7), -1.0]
    drawn = [pick_highest(scores, n_instances, rng) for _ in range(1400)]
    first = np.bincount([positions[0] for positions in drawn], minlength=8)
    taken = np.bincount(np.concatenate(drawn), minlength=8)
    assert first[7] == taken[7] == 0
    assert chisquare(first[:7]).pvalue > 1e-3
    assert abs(taken[:7] - 200 * n_instances).max() <= 5 * np.sqrt(200 * n_instances)


def test_top_takes_infinite_scores_and_refuses_nan():
    rng = np.random.RandomState(0)
    np.testing.assert_array_equal(pick_highest(np.array([0, -np.inf, np.inf]), 3, rng), [2, 0, 1])
    with pytest.raises(ValueError, match="1 of 3 scores are NaN"):
        pick_highest(np.array([0, np.nan, 1]), 2, rng)


@pytest.mark.parametrize("n_instances", [0, -1, 1.5, True, "3", None])
def test_a_wrong_number_of_rows_is_refused(n_instances, model, X):
    with pytest.raises(ValueError, match="n_instances"):
        MarginSampling().query(model, X, n_instances)


def test_arguments_that_do_not_fit_are_refused(model, X):
    with pytest.raises(ValueError, match="29 entries for 30 candidates"):
        MarginSampling().query(model, X, 2, groups=np.arange(29))
    with pytest.raises(ValueError, match="3 entries for 2 labeled"):
        MarginSampling().query(model, X, 2, X_labeled=X[:2], y_labeled=[0, 1, 0])
    with pytest.raises(ValueError, match="3 entries for 0 labeled"):
        MarginSampling().query(model, X, 2, y_labeled=[0, 1, 0])


def test_an_empty_pool_gives_no_positions(model, X):
    positions, scores = MarginSampling().query(model, X[:0], 3, return_scores=True)
    assert positions.shape == scores.shape == (0,)
    assert positions.dtype == np.intp


def test_numpy_integers_count(model, X):
    assert len(MarginSampling().query(model, X, np.int64(4))) == 4


def test_a_model_without_probabilities_is_refused_before_it_is_asked(X):
    model = LinearSVC().fit(X, X[:, 0] > 0)
    with pytest.raises(UnsupportedStrategyError, match=r"MarginSampling.*LinearSVC.*Nystroem"):
        MarginSampling().query(model, X, 2)
    assert len(RandomSampling().query(model, X, 2)) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 30], "outside the 30"),
        ([-1, 0], "outside the 30"),
        ([1, 1], "more than once"),
        ([0, 1, 2], "3 positions, but 2 were requested"),
        ([0.0, 1.0], "integer"),
        ([[0, 1]], "1-D"),
        ([True, False], "integer"),
    ],
)
def test_wrong_positions_never_get_out(answer, message, model, X):
    with pytest.raises(ValueError, match=message):
        FunctionStrategy(lambda learner, X, n: answer).query(model, X, 2)


def test_a_function_that_returns_more_than_positions_is_told_so():
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    pick = FunctionStrategy(lambda learner, X, n: (np.arange(n), X[:n]))
    with pytest.raises(ValueError, match="returned a tuple of 2; it must return positions alone"):
        pick.query(model, np.linspace(0, 1, 9)[:, None], 3)
    pick = FunctionStrategy(lambda learner, X, n: (0, 2, 1))
    assert pick.query(model, np.linspace(0, 1, 9)[:, None], 3).tolist() == [0, 2, 1]


def test_a_function_gets_a_learner_the_rows_and_a_number(model, X):
    seen = []

    def pick(learner, X_pool, n_instances):
        seen.append((learner, type(X_pool), n_instances))
        np.testing.assert_array_equal(X_pool, X[5:])
        return np.argsort(learner.predict_proba(X_pool).max(axis=1))[:n_instances]

    pool = Rows(X, np.arange(5, 30))
    positions, scores = as_strategy(pick).query(model, pool, 3, return_scores=True)
    assert isinstance(seen[0][0], Learner)
    assert seen[0][1:] == (np.ndarray, 3)
    expected = np.argsort(model.predict_proba(X[5:]).max(axis=1))[:3]
    np.testing.assert_array_equal(positions, expected)
    assert np.isnan(scores).all()


@pytest.mark.parametrize("some", [np.arange(30), np.arange(3, 20)], ids=["all", "some"])
def test_rows_given_to_a_function_do_all_that_an_array_does(some, model, X):
    kept, rows = X.copy(), X[some]

    def pick(learner, X_pool, n_instances):
        np.testing.assert_array_equal(X_pool[:, 0], rows[:, 0])
        np.testing.assert_array_equal(X_pool[X_pool[:, 0] > 0], rows[rows[:, 0] > 0])
        np.testing.assert_array_equal(X_pool[2:5, ::-1], rows[2:5, ::-1])
        np.testing.assert_array_equal(X_pool[[4, 0]], rows[[4, 0]])
        np.testing.assert_array_equal(X_pool - 1, rows - 1)
        np.testing.assert_array_equal(np.stack(list(X_pool)), rows)
        np.testing.assert_array_equal(np.asarray(X_pool), rows)
        assert X_pool.mean() == rows.mean()
        assert (X_pool.shape, X_pool.dtype, len(X_pool)) == (rows.shape, rows.dtype, len(rows))
        X_pool -= X_pool.mean(axis=0)  # a copy, so nobody else's rows change
        return np.argsort(X_pool[:, 0])[:n_instances]

    positions = FunctionStrategy(pick).query(model, Rows(X, some), 3)
    np.testing.assert_array_equal(positions, np.argsort(rows[:, 0])[:3])
    np.testing.assert_array_equal(X, kept)


def test_a_function_gets_a_frame_for_a_frame(X):
    frame = pd.DataFrame(X, columns=["low", "high"], index=np.arange(30) + 100)

    def pick(learner, X_pool, n_instances):
        assert list(X_pool.index) == list(range(110, 130))
        np.testing.assert_array_equal(X_pool.iloc[3], X[13])
        return np.argsort(X_pool["high"].to_numpy())[:n_instances]

    positions = FunctionStrategy(pick).query(None, Rows(frame, np.arange(10, 30)), 4)
    np.testing.assert_array_equal(positions, np.argsort(X[10:, 1])[:4])


def test_a_function_gets_a_list_for_a_list():
    paths = [f"{number}.wav" for number in range(9)]

    def pick(learner, X_pool, n_instances):
        assert X_pool == paths[2:]
        return [X_pool.index("7.wav"), *map(X_pool.index, X_pool[1:n_instances])]

    assert FunctionStrategy(pick).query(None, Rows(paths, np.arange(2, 9)), 3).tolist() == [
        5,
        1,
        2,
    ]


def test_a_view_of_rows_has_one_index(X):
    with pytest.raises(IndexError, match=r"np.asarray\(X\)"):
        Rows(X, np.arange(3))[:, 0]


def test_as_strategy():
    strategy = RandomSampling()
    assert as_strategy(strategy) is strategy
    assert isinstance(as_strategy(len), FunctionStrategy)
    with pytest.raises(TypeError, match=r"give an instance: RandomSampling\(\)"):
        as_strategy(RandomSampling)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("margin", "MarginSampling"),
        ("random", "RandomSampling"),
        ("MarginSampling", "MarginSampling"),
        ("least_confidence", "LeastConfidenceSampling"),
        ("badge", "BADGE"),
        ("bald", "BALD"),
        ("core-set", "CoreSet"),
        ("entorpy sampling", "EntropySampling"),
    ],
)
def test_text_in_place_of_a_strategy_is_answered_with_the_object(text, meant):
    with pytest.raises(TypeError, match=rf"{text!r}.*skal\.strategies\.{meant}\(\)"):
        as_strategy(text)


def test_text_that_is_like_no_strategy():
    with pytest.raises(TypeError, match=r"strategy must be a QueryStrategy.*'zzz'$"):
        as_strategy("zzz")


@pytest.mark.parametrize(
    "answer", [np.arange(2), np.arange(3), [0, 1], (0, 1, 2), None, (np.arange(2),)], ids=str
)
def test_select_that_does_not_return_positions_and_scores_is_told(answer, X):
    class Own(QueryStrategy):
        def select(self, learner, X, n_instances, **context):
            return answer

    with pytest.raises(TypeError, match=r"Own\.select must return a tuple \(positions, scores\)"):
        Own().query(None, X, 3)


@pytest.mark.parametrize("scores", [[0.5], np.zeros((2, 1)), 3.0])
def test_scores_that_are_not_those_of_the_positions_are_refused(scores, X):
    class Own(QueryStrategy):
        def select(self, learner, X, n_instances, **context):
            return np.arange(2), scores

    with pytest.raises(ValueError, match="Own must return one score for each of its 2 positions"):
        Own().query(None, X, 3, return_scores=True)


def test_a_score_alone_makes_a_strategy(model, X):
    class Leftmost(ScoreStrategy):
        needs = frozenset()

        def score(self, learner, X, random_state=None):
            return -np.asarray(X)[:, 0]

    positions, scores = Leftmost().query(model, X, 5, return_scores=True)
    np.testing.assert_array_equal(positions, np.argsort(X[:, 0])[:5])
    np.testing.assert_array_equal(scores, -X[positions, 0])


def test_needs_are_those_of_strategies_inside_too():
    class Wrapper(QueryStrategy):
        needs = frozenset({"embed"})

        def __init__(self, inner):
            self.inner = inner

        def select(self, learner, X, n_instances, **context):
            return self.inner.select(learner, X, n_instances, **context)

    assert Wrapper(Wrapper(MarginSampling())).required() == {"embed", "predict_proba"}
    assert RandomSampling().required() == frozenset()


def test_random_choice_is_uniform(X):
    rng = np.random.RandomState(0)
    drawn = [RandomSampling().query(None, X[:10], 3, random_state=rng) for _ in range(600)]
    taken = np.bincount(np.concatenate(drawn), minlength=10)
    assert abs(taken - 180).max() < 5 * np.sqrt(180 * 0.7)
