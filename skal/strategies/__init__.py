"""Query strategies: parameter objects that pick the rows to label next."""

from skal.strategies.augmentation import (
    AugmentationDisagreement,
    majority_copies,
    pairwise_divergence,
)
from skal.strategies.base import FunctionStrategy, QueryStrategy, ScoreStrategy, as_strategy, top
from skal.strategies.batch_bald import BatchBALD, batch_bald
from skal.strategies.bayesian import (
    BALD,
    PowerBALD,
    SampleScoreStrategy,
    mutual_information,
    power_sample,
)
from skal.strategies.checks import check_strategy, parametrize_with_checks
from skal.strategies.committee import (
    QueryByCommittee,
    consensus_entropy,
    max_disagreement,
    vote_entropy,
)
from skal.strategies.composition import Prefilter
from skal.strategies.coverage import ProbCover, max_coverage, purity_radius
from skal.strategies.density import (
    DensityPeaksSampling,
    EntropyDensityPeaks,
    peaks_and_halo,
    peaks_and_outliers,
)
from skal.strategies.diversity import CoreSet, DiverseBatch, k_center_greedy, spread_over_clusters
from skal.strategies.gradient import (
    BADGE,
    ExpectedChangeOfGradient,
    ExpectedGradientLength,
    badge,
    expected_change_of_gradient,
    expected_gradient_length,
)
from skal.strategies.grouping import MaxPerGroup, MinimumGap
from skal.strategies.herding import MaxHerding, UncertaintyHerding, max_herding
from skal.strategies.pools import ApproximateNeighbors, NeighborPool, SubsamplePool
from skal.strategies.random import RandomSampling
from skal.strategies.schedule import Schedule
from skal.strategies.similar import MostLikely, SimilarTo
from skal.strategies.typical import TypiClust, typical_rows, typicality
from skal.strategies.uncertainty import (
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    entropy,
    least_confidence,
    negative_margin,
)

__all__ = [
    "BADGE",
    "BALD",
    "ApproximateNeighbors",
    "AugmentationDisagreement",
    "BatchBALD",
    "CoreSet",
    "DensityPeaksSampling",
    "DiverseBatch",
    "EntropyDensityPeaks",
    "EntropySampling",
    "ExpectedChangeOfGradient",
    "ExpectedGradientLength",
    "FunctionStrategy",
    "LeastConfidenceSampling",
    "MarginSampling",
    "MaxHerding",
    "MaxPerGroup",
    "MinimumGap",
    "MostLikely",
    "NeighborPool",
    "PowerBALD",
    "Prefilter",
    "ProbCover",
    "QueryByCommittee",
    "QueryStrategy",
    "RandomSampling",
    "SampleScoreStrategy",
    "Schedule",
    "ScoreStrategy",
    "SimilarTo",
    "SubsamplePool",
    "TypiClust",
    "UncertaintyHerding",
    "as_strategy",
    "badge",
    "batch_bald",
    "check_strategy",
    "consensus_entropy",
    "entropy",
    "expected_change_of_gradient",
    "expected_gradient_length",
    "k_center_greedy",
    "least_confidence",
    "majority_copies",
    "max_coverage",
    "max_disagreement",
    "max_herding",
    "mutual_information",
    "negative_margin",
    "pairwise_divergence",
    "parametrize_with_checks",
    "peaks_and_halo",
    "peaks_and_outliers",
    "power_sample",
    "purity_radius",
    "spread_over_clusters",
    "top",
    "typical_rows",
    "typicality",
    "vote_entropy",
]
