"""What holds for every strategy, whatever it looks for."""

import importlib
import inspect
import pickle
import pkgutil

import numpy as np
import pytest
from sklearn.base import clone

import skal.strategies
from skal.learner import Learner
from skal.strategies.base import QueryStrategy
from skal.strategies.random import RandomSampling
from skal.strategies.uncertainty import EntropySampling, MarginSampling
from tests.strategies.fakes import FakeNet, JointFakeNet


def _first(learner, X, n_instances):
    return np.arange(n_instances)


def _plus_one(X, random_state):
    return X + np.asarray(random_state.standard_normal(), dtype=X.dtype)


def _inner(name):
    """Return a public strategy by its name, or random choice while there is none."""
    return STRATEGIES[name]() if name in STRATEGIES else RandomSampling()


def _public_strategies():
    """Find the concrete strategies of every module of skal.strategies."""
    found = {}
    for info in pkgutil.iter_modules(skal.strategies.__path__):
        module = importlib.import_module(f"skal.strategies.{info.name}")
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            if (
                inspect.isclass(value)
                and issubclass(value, QueryStrategy)
                and not inspect.isabstract(value)
            ):
                found[name] = value
    return found


STRATEGIES = _public_strategies()

# The parameters that every strategy is tested with: a new one must be added here.
PARAMETERS = {
    "AugmentationDisagreement": [{"n_copies": 4}, {"n_copies": 3, "augment": _plus_one}],
    "BADGE": [{}],
    "BALD": [{"n_samples": 3}],
    "BatchBALD": [{"n_samples": 3}, {"n_samples": 3, "n_configurations": 2}],
    "CoreSet": [{}],
    "DensityPeaksSampling": [{}],
    "DiverseBatch": [{"strategy": EntropySampling()}],
    "EntropyDensityPeaks": [{}],
    "EntropySampling": [{}],
    "ExpectedChangeOfGradient": [{}, {"bias": True}],
    "ExpectedGradientLength": [{}, {"bias": False}, {"layers": "all"}],
    "FunctionStrategy": [{"function": _first}],
    "LeastConfidenceSampling": [{}],
    "MarginSampling": [{}],
    "MaxHerding": [{}, {"gamma": 2.0}, {"max_pairs": 50}],
    "MaxPerGroup": [{"strategy": MarginSampling(), "k": 100}],
    "MinimumGap": [{"strategy": MarginSampling(), "gap": 1, "starts": np.arange(100)}],
    "MostLikely": [{"label": 0}],
    "NeighborPool": [
        {"strategy": MarginSampling(), "k": 2},
        {"strategy": _inner("BADGE"), "k": 2, "representation": "features"},
    ],
    "PowerBALD": [{"n_samples": 3}],
    "Prefilter": [{"score": EntropySampling(), "then": _inner("BADGE")}],
    "ProbCover": [{}],
    "QueryByCommittee": [
        {"disagreement": name, "n_members": 3}
        for name in ("vote_entropy", "consensus_entropy", "max_disagreement")
    ],
    "RandomSampling": [{}],
    "Schedule": [{"stages": [(2, RandomSampling()), (None, _inner("BADGE"))]}],
    "SimilarTo": [{"examples": np.eye(2, 3)}],
    "SubsamplePool": [{"strategy": _inner("BADGE"), "size": 3}],
    "TypiClust": [{}],
    "UncertaintyHerding": [{}, {"max_pairs": 50}],
}

CASES = [
    pytest.param(cls(**params), id=f"{name}{number or ''}")
    for name, cls in sorted(STRATEGIES.items())
    for number, params in enumerate(PARAMETERS.get(name, []))
]
every_strategy = pytest.mark.parametrize("strategy", CASES)

N_LABELED = 6


def _data(n_samples, n_classes, dtype=np.float64, shape=(3,)):
    """Make a pool, and labeled rows with labels of every class."""
    rng = np.random.RandomState(n_samples)
    X = rng.standard_normal((n_samples + N_LABELED, *shape)).astype(dtype)
    return X[N_LABELED:], X[:N_LABELED], np.arange(N_LABELED) % n_classes


def _query(strategy, X, X_labeled, y_labeled, n_instances, net=None, seed=0):
    net = FakeNet() if net is None else net
    if hasattr(strategy, "examples"):  # rows as they are in X, whatever their shape
        strategy = clone(strategy).set_params(examples=X_labeled[:2])
    return strategy.query(
        net.fit(X_labeled, y_labeled),
        X,
        n_instances,
        X_labeled=X_labeled,
        y_labeled=y_labeled,
        groups=np.arange(len(X)) // 3,
        random_state=seed,
        return_scores=True,
    )


def _check(positions, scores, n_samples, n_instances):
    assert positions.shape == scores.shape == (min(n_instances, n_samples),)
    assert positions.dtype == np.intp
    assert len(np.unique(positions)) == len(positions)
    assert positions.min() >= 0 and positions.max() < n_samples


def test_every_public_strategy_is_tested():
    missing = sorted(set(STRATEGIES) - set(PARAMETERS))
    assert not missing, f"add {missing} to PARAMETERS"


def test_every_concrete_strategy_in_reach_of_users_is_found():
    exported = {
        name
        for name in skal.strategies.__all__
        if inspect.isclass(value := getattr(skal.strategies, name))
        and issubclass(value, QueryStrategy)
        and not inspect.isabstract(value)
    }
    assert exported <= set(STRATEGIES)


@every_strategy
@pytest.mark.parametrize("n_instances", [1, 7, 40, 55], ids=lambda n: f"B={n}")
def test_as_many_positions_as_are_wanted_and_there(strategy, n_instances):
    X, X_labeled, y_labeled = _data(40, 3)
    positions, scores = _query(strategy, X, X_labeled, y_labeled, n_instances)
    _check(positions, scores, 40, n_instances)


@every_strategy
@pytest.mark.parametrize("n_instances", [1, 3])
@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_tiny_pools(strategy, n_samples, n_instances):
    X, X_labeled, y_labeled = _data(n_samples, 3)
    positions, scores = _query(strategy, X, X_labeled, y_labeled, n_instances)
    _check(positions, scores, n_samples, n_instances)


@every_strategy
@pytest.mark.parametrize("n_classes", [1, 2])
def test_few_classes(strategy, n_classes):
    X, X_labeled, y_labeled = _data(30, n_classes)
    positions, scores = _query(strategy, X, X_labeled, y_labeled, 8)
    _check(positions, scores, 30, 8)


@every_strategy
@pytest.mark.parametrize("n_instances", [5, 25])
def test_identical_rows(strategy, n_instances):
    X, X_labeled, y_labeled = _data(25, 3)
    X = np.repeat(X[:1], 25, axis=0)
    positions, scores = _query(strategy, X, X_labeled, y_labeled, n_instances)
    _check(positions, scores, 25, n_instances)


@every_strategy
@pytest.mark.parametrize("n_instances", [5, 30])
def test_rows_identical_to_labeled_ones(strategy, n_instances):
    _, X_labeled, y_labeled = _data(25, 3)
    X = np.repeat(X_labeled, 5, axis=0)
    positions, scores = _query(strategy, X, X_labeled, y_labeled, n_instances)
    _check(positions, scores, 30, n_instances)


@every_strategy
@pytest.mark.parametrize("n_instances", [9, 36])
def test_duplicated_rows(strategy, n_instances):
    X, X_labeled, y_labeled = _data(12, 3)
    X = np.tile(X, (3, 1))
    positions, scores = _query(strategy, X, X_labeled, y_labeled, n_instances)
    _check(positions, scores, 36, n_instances)


@every_strategy
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_instances", [6, 30])
def test_probabilities_of_exactly_zero_and_one(strategy, dtype, n_instances):
    X, X_labeled, y_labeled = _data(30, 3, dtype)
    net = FakeNet(sharpness=1e9).fit(X_labeled, y_labeled)
    assert set(np.unique(net.predict_proba(X))) == {0, 1}
    positions, scores = _query(strategy, X, X_labeled, y_labeled, n_instances, net)
    _check(positions, scores, 30, n_instances)


@every_strategy
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (2, 3, 2, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_many_axes(strategy, shape, dtype):
    X, X_labeled, y_labeled = _data(20, 3, dtype, shape)
    positions, scores = _query(strategy, X, X_labeled, y_labeled, 6)
    _check(positions, scores, 20, 6)


@every_strategy
def test_the_same_seed_gives_the_same_positions(strategy):
    X, X_labeled, y_labeled = _data(40, 3)
    first = _query(strategy, X, X_labeled, y_labeled, 9, seed=3)
    second = _query(clone(strategy), X.copy(), X_labeled, y_labeled, 9, seed=3)
    third = _query(strategy, X, X_labeled, y_labeled, 9, seed=np.random.RandomState(3))
    for other in (second, third):
        np.testing.assert_array_equal(first[0], other[0])
        np.testing.assert_array_equal(first[1], other[1])


@every_strategy
def test_global_random_state_is_not_touched(strategy):
    X, X_labeled, y_labeled = _data(40, 3)
    before = np.random.get_state()  # noqa: NPY002
    _query(strategy, X, X_labeled, y_labeled, 9)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[1], after[1])


@every_strategy
def test_inputs_are_not_changed(strategy):
    X, X_labeled, y_labeled = _data(40, 3)
    kept = X.copy(), X_labeled.copy(), y_labeled.copy()
    _query(strategy, X, X_labeled, y_labeled, 9)
    for array, copy in zip((X, X_labeled, y_labeled), kept, strict=True):
        np.testing.assert_array_equal(array, copy)
        assert array.flags.writeable


@every_strategy
def test_one_pass_gives_the_same_as_two(strategy):
    X, X_labeled, y_labeled = _data(40, 3)
    expected = _query(strategy, X, X_labeled, y_labeled, 9)
    found = _query(strategy, X, X_labeled, y_labeled, 9, net=JointFakeNet())
    np.testing.assert_array_equal(found[0], expected[0])


@every_strategy
def test_without_a_model_it_works_or_says_what_to_do(strategy):
    X, X_labeled, _ = _data(20, 3)
    learner = Learner.without_model(FakeNet(), X)
    if {"predict_proba", "sample_proba", "gradient_length", "augment"} & strategy.required():
        if type(strategy).__name__ == "Schedule":
            return  # its first stage needs none
        with pytest.raises(ValueError, match="RandomSampling"):
            strategy.query(learner, X, 4, X_labeled=X_labeled, groups=np.arange(20))
    else:
        positions, scores = strategy.query(
            learner, X, 4, groups=np.arange(20), random_state=0, return_scores=True
        )
        _check(positions, scores, 20, 4)


class _Spy(Learner):
    """Notes what it is asked."""

    def __getattribute__(self, name):
        if name in ("predict_proba", "embed", "sample_proba", "gradient_length", "augment_proba"):
            self.__dict__.setdefault("asked", set()).add(name.replace("augment_proba", "augment"))
        return super().__getattribute__(name)


@every_strategy
def test_it_asks_for_nothing_that_it_did_not_announce(strategy):
    X, X_labeled, y_labeled = _data(40, 3)
    spy = _Spy(FakeNet().fit(X_labeled, y_labeled))
    groups = np.arange(40)
    strategy.query(spy, X, 9, X_labeled=X_labeled, y_labeled=y_labeled, groups=groups)
    allowed = set(strategy.required())
    if getattr(strategy, "augment", None) is not None:
        allowed.add("augment")  # by the function given
    assert spy.__dict__.get("asked", set()) <= allowed


@every_strategy
def test_parameters_are_stored_cloned_and_pickled(strategy):
    params = strategy.get_params(deep=False)
    assert list(params) == sorted(inspect.signature(type(strategy)).parameters)
    for name, value in params.items():
        assert getattr(strategy, name) is value
    copy = clone(strategy)
    assert repr(copy) == repr(strategy)
    assert repr(pickle.loads(pickle.dumps(strategy))) == repr(strategy)
    assert copy.set_params(**copy.get_params()) is copy
    assert repr(copy) == repr(strategy)


@every_strategy
def test_a_query_leaves_the_parameters_alone(strategy):
    X, X_labeled, y_labeled = _data(40, 3)
    before = repr(strategy)
    _query(strategy, X, X_labeled, y_labeled, 9)
    assert repr(strategy) == before
