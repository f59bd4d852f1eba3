"""Campaigns: rounds of choosing, labeling and training, as one scikit-learn estimator."""

from skal.campaign.classifier import ActiveLearningClassifier

__all__ = ["ActiveLearningClassifier"]
