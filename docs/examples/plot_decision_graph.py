"""
The decision graph of density peaks
===================================

`~skal.cluster.DensityPeaks` finds the middles of clusters, and
`~skal.strategies.EntropyDensityPeaks` (EDPC) queries them among the uncertain rows. The decision
graph shows how the clustering chooses.
"""

# %%
# Clusters of sounds
# ------------------
# Each point is a sound of one of four kinds: mean and spread of its cepstral coefficients, in a
# plane.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skal.audio import MFCC
from skal.cluster import DensityPeaks
from skal.datasets import make_sounds
from skal.display import DecisionGraphDisplay

sounds = make_sounds(300, 4, snr_db=0, random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(X))

# %%
# The graph
# ---------
# Points to the right are dense; points high up are far from any denser point. Peaks are both.
# Points that are far from the rest but not dense are outliers.

peaks = DensityPeaks(4, percent=2).fit(X)
display = DecisionGraphDisplay.from_estimator(peaks)

# %%
# The resulting clusters, and the halo between them:

fig, ax = plt.subplots(figsize=(6, 4.4), layout="constrained")
ax.scatter(*X.T, s=10, c=peaks.labels_, cmap="tab10", vmax=10)
ax.scatter(*X[peaks.halo_].T, s=36, facecolors="none", edgecolors="0.6", linewidths=0.6)
ax.scatter(*X[peaks.cluster_centers_indices_].T, s=140, c="black", marker="*")
labels = ax.set(xlabel="first component", ylabel="second component")

# %%
# What EDPC asks for
# ------------------
# The strategy keeps ``prefilter`` times as many uncertain rows as it may query, clusters them, and
# queries peaks (three of four) and outliers (the others).

from sklearn.linear_model import LogisticRegression

from skal import ActiveLearningClassifier
from skal.display import QueryMapDisplay
from skal.strategies import EntropyDensityPeaks

campaign = ActiveLearningClassifier(
    LogisticRegression(max_iter=1000),
    EntropyDensityPeaks(prefilter=5, peak_fraction=0.75),
    n_initial=20,
    n_instances=12,
    budget=44,
    random_state=0,
).fit(X, sounds.target)
asked = QueryMapDisplay.from_estimator(campaign, X, coordinates=X)
