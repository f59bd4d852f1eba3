"""What holds for every strategy of skal, whatever it looks for."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import skal.strategies
from skal.learner import Learner
from skal.strategies import (
    BADGE,
    EntropySampling,
    MarginSampling,
    QueryStrategy,
    RandomSampling,
)
from skal.strategies.base import FunctionStrategy
from skal.strategies.checks import check_strategy, parametrize_with_checks
from tests.strategies.fakes import FakeNet


def _first(learner, X, n_instances):
    return np.arange(n_instances)


def _plus_one(X, random_state):
    return np.asarray(X, dtype=float) + random_state.standard_normal()


# The parameters that every strategy is tested with: a new one must be added here.
PARAMETERS = {
    "AugmentationDisagreement": [{"n_copies": 4}, {"n_copies": 3, "augment": _plus_one}],
    "BADGE": [{}],
    "BALD": [{"n_models": 3}],
    "BatchBALD": [{"n_models": 3}, {"n_models": 3, "n_configurations": 2}],
    "CoreSet": [{}, {"metric": "cosine"}],
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
    "MaxPerGroup": [{"strategy": MarginSampling()}],
    "MinimumGap": [{"strategy": MarginSampling(), "gap": 2}],
    "MostLikely": [{"label": 0}],
    "NeighborPool": [
        {"strategy": MarginSampling(), "n_neighbors": 2},
        {"strategy": BADGE(), "n_neighbors": 2, "representation": "features"},
    ],
    "PowerBALD": [{"n_models": 3}],
    "Prefilter": [{"score": EntropySampling(), "then": BADGE()}],
    "ProbCover": [{}],
    "QueryByCommittee": [
        {"disagreement": name, "n_members": 3}
        for name in ("vote_entropy", "consensus_entropy", "max_disagreement")
    ],
    "RandomSampling": [{}],
    "Schedule": [{"stages": [(2, RandomSampling()), (None, BADGE())]}],
    "SubsamplePool": [{"strategy": BADGE(), "size": 3}],
    "TypiClust": [{}],
    "UncertaintyHerding": [{}, {"max_pairs": 50}],
}

# A function is wrapped; nobody needs the name of the wrapper.
NOT_OFFERED = {"FunctionStrategy"}

CASES = [
    getattr(skal.strategies, name, FunctionStrategy)(**params)
    for name, cases in PARAMETERS.items()
    for params in cases
]
every_strategy = pytest.mark.parametrize("strategy", CASES, ids=lambda s: type(s).__name__)


def _concrete(module):
    """Return the names of a module's public strategies that can be made."""
    values = {name: getattr(module, name) for name in getattr(module, "__all__", [])}
    return {
        name
        for name, value in values.items()
        if inspect.isclass(value)
        and issubclass(value, QueryStrategy)
        and not inspect.isabstract(value)
    }


def test_every_public_strategy_is_tested():
    found = _concrete(skal.strategies)
    for info in pkgutil.iter_modules(skal.strategies.__path__):
        found |= _concrete(importlib.import_module(f"skal.strategies.{info.name}"))
    # SimilarTo stores rows like those of X, which the checks' many kinds of X cannot all fit.
    assert found - {"SimilarTo"} == set(PARAMETERS), "add what is missing to PARAMETERS"
    assert found - NOT_OFFERED == _concrete(skal.strategies), (
        "add what is missing to skal.strategies"
    )


@parametrize_with_checks(CASES)
def test_checks(strategy, check):
    check(strategy)


@pytest.fixture(scope="module")
def cnn():
    """Return a small network trained on noise, and rows for it."""
    from skal.models import CNNClassifier, CompactCNN

    X = np.random.RandomState(0).standard_normal((46, 16, 20, 1)).astype(np.float32)
    network = CNNClassifier(
        CompactCNN(filters=(4, 8), n_embedding=8, dropout=0.3, n_members=2),
        steps=5,
        random_state=0,
    )
    return network.fit(X, np.arange(46) % 3), X


@pytest.mark.slow
@every_strategy
def test_checks_around_a_real_network(strategy, cnn):
    check_strategy(strategy, model=cnn[0], X=cnn[1])


@every_strategy
def test_without_a_model_it_works_or_says_what_to_do(strategy):
    X = np.random.RandomState(0).standard_normal((20, 3))
    learner, rows = Learner.without_model(FakeNet(), X), np.arange(20)
    context = {"groups": rows, "starts": rows * 60, "random_state": 0}
    needs_model = {"predict_proba", "sample_proba", "gradient_length", "augment"}
    first_stage_needs_none = type(strategy).__name__ == "Schedule"
    if needs_model & strategy.required() and not first_stage_needs_none:
        with pytest.raises(ValueError, match="RandomSampling"):
            strategy.query(learner, X, 4, X_labeled=X[:2], **context)
    else:
        assert len(strategy.query(learner, X, 4, **context)) == 4
