"""
Cold start: which labels first?
===============================

Before there is a label there is no model that could be unsure. Strategies that compare rows alone
choose typical ones, or far ones; a draw at random takes what comes.
"""

# %%
# Sounds of six kinds, and what describes each over time.

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
# Campaigns that differ in their first labels only
# ------------------------------------------------
# All go on at random, so what differs at 10 labels is the first choice alone. The mean of eight
# seeds, and the classes that the first ten labels show.

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
# labels are not yet a better model. By 60 labels, all drawn at random from then on, little is
# left of the difference.
