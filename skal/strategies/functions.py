"""Functions of arrays that strategies use, for your own strategies."""

from skal.strategies.augmented_copies import majority_copies, pairwise_divergence
from skal.strategies.batch_bald import batch_bald
from skal.strategies.bayesian import mutual_information, power_sample
from skal.strategies.committee import consensus_entropy, max_disagreement, vote_entropy
from skal.strategies.coverage import max_coverage, purity_radius
from skal.strategies.density import peaks_and_halo, peaks_and_outliers
from skal.strategies.diversity import k_center_greedy, spread_over_clusters
from skal.strategies.gradient import badge, expected_change_of_gradient, expected_gradient_length
from skal.strategies.herding import max_herding
from skal.strategies.ranking import pick_highest
from skal.strategies.typical import typical_rows, typicality
from skal.strategies.uncertainty import entropy, least_confidence, negative_margin

__all__ = [
    "badge",
    "batch_bald",
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
    "peaks_and_halo",
    "peaks_and_outliers",
    "pick_highest",
    "power_sample",
    "purity_radius",
    "spread_over_clusters",
    "typical_rows",
    "typicality",
    "vote_entropy",
]
