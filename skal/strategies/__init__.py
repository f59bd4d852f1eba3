"""Query strategies: parameter objects that pick the rows to label next."""

from skal.strategies.base import (
    FunctionStrategy,
    QueryStrategy,
    ScoreStrategy,
    as_strategy,
    top,
)
from skal.strategies.random import RandomSampling
from skal.strategies.uncertainty import (
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    entropy,
    least_confidence,
    negative_margin,
)

__all__ = [
    "EntropySampling",
    "FunctionStrategy",
    "LeastConfidenceSampling",
    "MarginSampling",
    "QueryStrategy",
    "RandomSampling",
    "ScoreStrategy",
    "as_strategy",
    "entropy",
    "least_confidence",
    "negative_margin",
    "top",
]
