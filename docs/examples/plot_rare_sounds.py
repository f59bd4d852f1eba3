"""
Rare sounds: which strategy saves labels?
=========================================

Recordings of a place are mostly of the same few sounds, and the interesting ones are rare. This
example simulates labeling such recordings: every label is known, but stays hidden until a strategy
asks for it. The example compares querying uncertain recordings with querying at random.

The sounds, their shares and the classifier were chosen to show what happens with rare classes; do
not expect the same gain in general.
"""

# %%
# The recordings
# --------------
# There are four kinds of synthetic sounds, the last two rare, from ten places with their own
# background noise. The places of the test set do not occur in training: a random split would put
# recordings from one place on both sides and be too optimistic.

import matplotlib.pyplot as plt
import numpy as np

from skal.datasets import make_sounds

sounds = make_sounds(1000, 4, weights=[0.5, 0.35, 0.1, 0.05], random_state=0)
train, test = sounds.groups < 6, sounds.groups >= 6
for name, n in zip(sounds.target_names, np.bincount(sounds.target[train]), strict=True):
    print(f"{name:10} {n:4} recordings to choose from")

# %%
# Features
# --------
# Mean and standard deviation over time of 20 cepstral coefficients and their slopes describe a
# recording independently of when the sound starts. They are computed once.

from skal.audio import MFCC

coefficients = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.concatenate([coefficients.mean(axis=2), coefficients.std(axis=2)], axis=1)
X = X.reshape(len(X), -1)
print(f"{X.shape[1]} features of {X.shape[0]} recordings")

# %%
# Campaigns
# ---------
# Each campaign starts with 20 random labels and queries 20 more per round. With the same
# ``random_state`` all strategies start from the same labels, so that they are compared in pairs.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.metrics import budget_curve
from skal.strategies import EntropySampling, MarginSampling, RandomSampling

SEEDS = range(5)


def run(strategy, seed):
    """Return the labels and the macro F1 of every round."""
    campaign = ActiveLearningClassifier(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
        strategy,
        n_initial=20,
        n_instances=20,
        budget=200,
        random_state=seed,
    )
    campaign.fit(X[train], sounds.target[train], eval_set=(X[test], sounds.target[test]))
    return budget_curve(campaign.history_, "f1")


curves = {
    type(strategy).__name__: [run(strategy, seed) for seed in SEEDS]
    for strategy in [RandomSampling(), EntropySampling(), MarginSampling()]
}

# %%
# The reference is the same classifier with the labels of all recordings.

from skal.metrics import classification_scores

full = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
full.fit(X[train], sounds.target[train])
full_f1 = classification_scores(sounds.target[test], full.predict(X[test]))["f1"]
print(f"macro F1 with all {train.sum()} labels: {full_f1:.3f}")

# %%
# Budget curves
# -------------
# The curves show the mean over five seeds, and the range from the worst to the best seed.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for name, runs in curves.items():
    n_labels = runs[0][0]
    values = np.array([f1 for _, f1 in runs])
    ax.plot(n_labels, values.mean(axis=0), marker="o", markersize=4, label=name)
    ax.fill_between(n_labels, values.min(axis=0), values.max(axis=0), alpha=0.12)
ax.axhline(full_f1, color="0.4", linestyle="--", linewidth=1, label="all labels")
ax.set(xlabel="labels", ylabel="macro F1 on unseen places")
legend = ax.legend(loc="lower right", frameon=False)

# %%
# How many labels does each strategy need for 0.8, and is the difference significant?

from skal.metrics import area_under_budget_curve, labels_to_reach, paired_test

areas = {}
for name, runs in curves.items():
    areas[name] = [area_under_budget_curve(*curve) for curve in runs]
    needed = labels_to_reach(runs[0][0], np.mean([f1 for _, f1 in runs], axis=0), 0.8)
    print(f"{name:16} area {np.mean(areas[name]):.3f}, {needed:4.0f} labels for 0.8")

p_value = paired_test(areas["MarginSampling"], areas["RandomSampling"])
print(f"margin against random, {len(SEEDS)} pairs: p = {p_value:.3f}")

# %%
# Five pairs cannot give a p-value below 0.0625, however large the difference is: for a claim,
# run more seeds.
