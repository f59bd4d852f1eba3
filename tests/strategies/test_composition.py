"""Strategies made of strategies: positions, arguments and parameters all the way through."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid

from skal.learner import Learner, UnsupportedStrategyError
from skal.strategies.bayesian import BALD, PowerBALD
from skal.strategies.composition import Prefilter
from skal.strategies.gradient import BADGE
from skal.strategies.limits import MaxPerGroup
from skal.strategies.random import RandomSampling
from skal.strategies.schedule import Schedule
from skal.strategies.uncertainty import EntropySampling, MarginSampling, entropy
from tests.strategies.fakes import FakeNet, Recorder


@pytest.fixture
def net():
    X = np.random.RandomState(0).randn(200, 4)
    return FakeNet(sharpness=2).fit(X, np.arange(200) % 4)


@pytest.fixture
def X():
    return np.random.RandomState(1).randn(200, 4)


def test_prefilter_chooses_among_the_highest_scores(net, X):
    calls = []
    groups = np.arange(200) * 2
    strategy = Prefilter(EntropySampling(), Recorder(calls), factor=2.5)
    positions, scores = strategy.query(
        net, X, 7, X_labeled=X[:3], y_labeled=[0, 1, 2], groups=groups, return_scores=True
    )
    ranking = np.argsort(-entropy(net.predict_proba(X)))
    np.testing.assert_array_equal(positions, ranking[:7])
    np.testing.assert_allclose(scores, np.arange(7) / 10)
    call = calls[0]
    np.testing.assert_array_equal(call["X"], X[ranking[:18]])
    np.testing.assert_array_equal(call["groups"], groups[ranking[:18]])
    np.testing.assert_array_equal(np.asarray(call["X_labeled"]), X[:3])
    np.testing.assert_array_equal(call["y_labeled"], [0, 1, 2])


def test_prefilter_needs_what_both_need(net, X):
    strategy = Prefilter(MarginSampling(), Prefilter(BALD(), BADGE()))
    assert strategy.required() == {"predict_proba", "embed", "sample_proba"}
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    with pytest.raises(UnsupportedStrategyError, match="sample_proba"):
        strategy.query(model, X, 3)


def test_prefilter_takes_functions(net, X):
    strategy = Prefilter(lambda learner, X, n: np.arange(n) + 50, lambda learner, X, n: [2, 0])
    np.testing.assert_array_equal(strategy.query(net, X, 2), [52, 50])


def test_an_inner_strategy_is_validated_too(net, X):
    with pytest.raises(ValueError, match="temperature"):
        Prefilter(MarginSampling(), PowerBALD(temperature=-1)).query(net, X, 2)
    with pytest.raises(ValueError, match="more than once"):
        Prefilter(MarginSampling(), lambda learner, X, n: [1, 1]).query(net, X, 2)


def test_schedule_changes_the_strategy_with_the_number_of_labels(net, X):
    first, second, third = [], [], []
    schedule = Schedule([(5, Recorder(first)), (9, Recorder(second)), (None, Recorder(third))])
    schedule.query(net, X, 1)
    for n_labeled in [0, 4, 5, 8, 9, 50]:
        schedule.query(net, X, 2, X_labeled=X[:n_labeled])
    sizes = [[len(c["X_labeled"]) if c["X_labeled"] else 0 for c in calls]
             for calls in (first, second, third)]  # fmt: skip
    assert sizes == [[0, 0, 4], [5, 8], [9, 50]]


def test_schedule_keeps_positions_and_scores(net, X):
    schedule = Schedule([(3, RandomSampling()), (None, MarginSampling())])
    context = {"X_labeled": X[:5], "random_state": 0, "return_scores": True}
    for ours, theirs in zip(
        schedule.query(net, X, 6, **context), MarginSampling().query(net, X, 6, **context),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(ours, theirs)


def test_schedule_parameters_have_names_for_a_grid_search():
    schedule = Schedule([(50, RandomSampling()), (None, Prefilter(MarginSampling(), BADGE()))])
    before = schedule.stages
    grid = ParameterGrid(
        {"until0": [20, 80], "stage1__factor": [2, 5], "stage0": [RandomSampling(), BADGE()]}
    )
    for params in grid:
        candidate = clone(schedule).set_params(**params)
        found = candidate.get_params()
        assert {name: found[name] for name in params} == params
        assert candidate.stages[0] == (params["until0"], params["stage0"])
        assert candidate.stages[1][1].factor == params["stage1__factor"]
    assert schedule.stages is before and before[0][0] == 50
    assert before[1][1].factor == 3
    assert clone(schedule).stages[1][1] is not before[1][1]
    with pytest.raises(ValueError, match="until2"):
        schedule.set_params(until2=4)
    both = schedule.set_params(stages=[(9, BADGE()), (None, BALD())], stage1__n_models=3)
    assert both.stages[1][1].n_models == 3


def test_schedule_takes_functions_as_stages(net, X):
    def last(learner, X_pool, n_instances):
        return np.arange(len(X_pool))[-n_instances:]

    schedule = Schedule([(5, last), (None, MarginSampling())])
    assert schedule.get_params()["stage0"] is last
    assert schedule.required() == {"predict_proba"}
    assert clone(schedule).query(net, X, 3).tolist() == [197, 198, 199]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "list of"),
        ("margin", "list of"),
        ([MarginSampling()], "list of"),
        ([(10, MarginSampling())], "end with"),
        ([(10, BADGE()), (10, BADGE()), (None, BADGE())], "increasing"),
        ([(0, BADGE()), (None, BADGE())], "increasing"),
        ([(0.5, BADGE()), (None, BADGE())], "increasing"),
        ([(None, BADGE()), (None, BADGE())], "increasing"),
        ([(5, BADGE), (None, BADGE())], r"BADGE\(\)"),
    ],
)
def test_wrong_stages_are_refused(stages, message, net, X):
    with pytest.raises((TypeError, ValueError), match=message):
        Schedule(stages).query(net, X, 2)


def test_groups_reach_the_inside_of_a_composition(net, X):
    groups = np.repeat(np.arange(20), 10)
    strategy = Prefilter(EntropySampling(), MaxPerGroup(MarginSampling()), factor=10)
    positions = strategy.query(net, X, 8, groups=groups, random_state=0)
    assert len(np.unique(groups[positions])) == len(positions) == 8


def test_a_candidate_is_predicted_once_however_deep_the_composition(X):
    class Counting(FakeNet):
        def predict_proba(self, X):
            self.asked_ = getattr(self, "asked_", 0) + len(X)
            return super().predict_proba(X)

    net = Counting().fit(X, np.arange(200) % 3)
    strategy = Prefilter(EntropySampling(), Prefilter(MarginSampling(), BADGE()))
    strategy.query(Learner(net), X, 5)
    assert net.asked_ == 200
