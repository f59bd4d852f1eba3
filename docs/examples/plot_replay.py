"""
Replay: train on part of the old labels
=======================================

As labels accumulate, every round trains longer. `~skal.campaign.Replay` trains on the new labels
and on the most useful old ones. This example shows what replay saves and costs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import MFCC
from skal.campaign import Replay
from skal.datasets import make_sounds
from skal.display import BudgetCurveDisplay
from skal.strategies import MarginSampling

sounds = make_sounds(800, 6, snr_db=3, random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X, y = StandardScaler().fit_transform(X), sounds.target
train, test = slice(0, 500), slice(500, None)

# %%
# Three campaigns
# ---------------
# The first trains on all labels, the second only on new labels, and the third on new labels, all
# old labels that the model gets wrong, and the less certain half of the others.

fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
for name, replay in {
    "all labels": None,
    "new labels alone": Replay("none"),
    "new and uncertain labels": Replay("uncertain", fraction=0.5),
}.items():
    campaign = ActiveLearningClassifier(
        LogisticRegression(C=0.1, max_iter=1000),
        MarginSampling(),
        replay=replay,
        n_initial=30,
        n_instances=30,
        budget=300,
        random_state=0,
    )
    campaign.fit(X[train], y[train], eval_set=(X[test], y[test]))
    BudgetCurveDisplay.from_estimator(campaign, name=name, ax=axes[0])
    labeled = [record["n_labeled"] for record in campaign.history_]
    axes[1].plot(labeled, [record["n_trained"] for record in campaign.history_], marker="o")
axes[0].get_legend().set_loc("lower right")
labels = axes[1].set(xlabel="labels", ylabel="rows trained on")

# %%
# A model trained only on new labels forgets the old ones. Replay trains on fewer rows and loses
# some accuracy. It is useful only if training is the bottleneck.
