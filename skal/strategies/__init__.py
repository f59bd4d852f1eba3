"""Query strategies: parameter objects that pick the rows to label next."""

from skal.strategies.augmented_copies import AugmentationDisagreement
from skal.strategies.base import QueryStrategy, ScoreStrategy
from skal.strategies.batch_bald import BatchBALD
from skal.strategies.bayesian import BALD, PowerBALD, SampleScoreStrategy
from skal.strategies.committee import QueryByCommittee
from skal.strategies.composition import Prefilter
from skal.strategies.coverage import ProbCover
from skal.strategies.density import DensityPeaksSampling, EntropyDensityPeaks
from skal.strategies.diversity import CoreSet, DiverseBatch
from skal.strategies.gradient import BADGE, ExpectedChangeOfGradient, ExpectedGradientLength
from skal.strategies.herding import MaxHerding, UncertaintyHerding
from skal.strategies.limits import MaxPerGroup, MinimumGap
from skal.strategies.pools import NeighborPool, SubsamplePool
from skal.strategies.random import RandomSampling
from skal.strategies.schedule import Schedule
from skal.strategies.similar import MostLikely, SimilarTo
from skal.strategies.typical import TypiClust
from skal.strategies.uncertainty import EntropySampling, LeastConfidenceSampling, MarginSampling

__all__ = [
    "BADGE",
    "BALD",
    "AugmentationDisagreement",
    "BatchBALD",
    "CoreSet",
    "DensityPeaksSampling",
    "DiverseBatch",
    "EntropyDensityPeaks",
    "EntropySampling",
    "ExpectedChangeOfGradient",
    "ExpectedGradientLength",
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
]
