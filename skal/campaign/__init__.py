"""Campaigns: rounds of choosing, labeling, and training, as a scikit-learn estimator."""

from skal.campaign.classifier import ActiveLearningClassifier
from skal.campaign.stopping import (
    LowUncertainty,
    NoGain,
    StabilizedPredictions,
    StoppingCriterion,
    TargetScore,
)
from skal.campaign.training.pseudo_labels import PseudoLabels
from skal.campaign.training.replay import Replay
from skal.campaign.training.update import Finetune, Retrain, ShrinkPerturb
from skal.campaign.view import CampaignView

__all__ = [
    "ActiveLearningClassifier",
    "CampaignView",
    "Finetune",
    "LowUncertainty",
    "NoGain",
    "PseudoLabels",
    "Replay",
    "Retrain",
    "ShrinkPerturb",
    "StabilizedPredictions",
    "StoppingCriterion",
    "TargetScore",
]
