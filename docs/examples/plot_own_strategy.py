"""
Your own strategy
=================

A strategy is a class with one method, or a function. This one queries rows that the model assigns
to a class with few labels, and it passes the same checks as skal's own strategies.
"""

# %%
# The class
# ---------
# `~skal.strategies.QueryStrategy` validates input and output. ``needs`` says what the strategy
# uses of the model, so that an unsuitable model raises an error before any training.

import numpy as np

from skal.strategies import MarginSampling, QueryStrategy, RandomSampling
from skal.strategies.checks import check_strategy


class FewestLabels(QueryStrategy):
    """Ask for rows that are probably of the classes with the fewest labels."""

    needs = frozenset({"predict_proba"})

    def select(self, learner, X, n_instances, **context):
        """Return positions, and scores: None, since none is worth keeping."""
        known = list(context["y_labeled"]) if context["y_labeled"] is not None else []
        counts = np.array([known.count(label) for label in learner.classes_])
        need = learner.predict_proba(X) @ (1 / (1 + counts))
        noise = context["random_state"].uniform(size=len(need))  # breaks ties by chance
        return np.lexsort((noise, -need))[:n_instances], None


check_strategy(FewestLabels())

# %%
# Where it may help
# -----------------
# Two of the kinds of sounds are rare. Macro F1 weights all classes equally.

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import MFCC
from skal.datasets import make_sounds
from skal.display import BudgetCurveDisplay
from skal.metrics import budget_curve

sounds = make_sounds(800, 5, snr_db=-3, weights=[6, 6, 6, 1, 1], random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X, y = StandardScaler().fit_transform(X), sounds.target
train, test = slice(0, 500), slice(500, None)

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for strategy in [RandomSampling(), MarginSampling(), FewestLabels()]:
    runs = []
    for seed in range(6):
        campaign = ActiveLearningClassifier(
            LogisticRegression(C=0.1, max_iter=1000),
            strategy,
            n_initial=20,
            n_instances=20,
            budget=140,
            random_state=seed,
        )
        campaign.fit(X[train], y[train], eval_set=(X[test], y[test]))
        n_labels, f1 = budget_curve(campaign.history_, "f1")
        runs.append(f1)
    BudgetCurveDisplay(
        n_labels=n_labels,
        values=np.mean(runs, axis=0),
        metric="f1",
        name=type(strategy).__name__,
    ).plot(ax)
