"""
Cold start: which labels first?
===============================

Before the first label there is no model, so there is no uncertainty. Strategies that only compare
rows choose typical rows, or distant ones; a random draw does neither.
"""

# %%
# Make sounds of six kinds, and describe each by statistics over time.

import numpy as np
from sklearn.preprocessing import StandardScaler

from skal.audio import MFCC
from skal.datasets import make_sounds

sounds = make_sounds(600, 6, snr_db=5, weights=[4, 4, 2, 2, 1, 1], random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X, y = StandardScaler().fit_transform(X), sounds.target
train, test = slice(0, 400), slice(400, None)

# %%
# Campaigns that differ only in their first labels
# ------------------------------------------------
# All campaigns continue at random, so at 10 labels only the first choice differs. The table has
# the mean over eight seeds, and the number of classes among the first ten labels.

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearningClassifier
from skal.display import BudgetCurveDisplay
from skal.metrics import budget_curve
from skal.strategies import CoreSet, MaxHerding, RandomSampling, TypiClust

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for first in [None, CoreSet(), TypiClust(), MaxHerding()]:
    runs, n_classes = [], []
    for seed in range(8):
        campaign = ActiveLearningClassifier(
            LogisticRegression(C=0.1, max_iter=1000),
            RandomSampling(),
            initial_strategy=first,
            n_initial=10,
            n_instances=10,
            budget=60,
            random_state=seed,
        )
        campaign.fit(X[train], y[train], eval_set=(X[test], y[test]))
        n_labels, accuracy = budget_curve(campaign.history_)
        runs.append(accuracy)
        n_classes.append(len(np.unique(y[train][campaign.labeled_indices_[:10]])))
    name = "random" if first is None else type(first).__name__
    print(f"{name:10} {np.mean(n_classes):.1f} classes, {np.mean(runs, axis=0)[0]:.2f} accuracy")
    curve = BudgetCurveDisplay(n_labels=n_labels, values=np.mean(runs, axis=0), name=name)
    curve.plot(ax)

# %%
# Typical rows teach more than far ones: CoreSet takes outliers first. More classes among the first
# labels do not make a better model by themselves. By 60 labels, with all later labels drawn at
# random, little of the difference is left.
