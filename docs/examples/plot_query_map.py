"""
Map of a campaign's queries
===========================

The map shows the pool and the queried rows by round. Uncertainty queries the borders between
classes; herding spreads its queries where the pool is dense.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import MFCC
from skal.datasets import make_sounds
from skal.display import QueryMapDisplay
from skal.strategies import MarginSampling, MaxHerding, UncertaintyHerding

sounds = make_sounds(400, 4, snr_db=-3, random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X = StandardScaler().fit_transform(X)
plane = PCA(2, random_state=0).fit_transform(X)

# %%
# Three strategies run with the same sounds and the same first labels:

fig, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained", sharey=True)
for ax, strategy in zip(axes, [MarginSampling(), MaxHerding(), UncertaintyHerding()], strict=True):
    campaign = ActiveLearningClassifier(
        LogisticRegression(C=0.1, max_iter=1000),
        strategy,
        n_initial=12,
        n_instances=12,
        budget=48,
        random_state=0,
    ).fit(X, sounds.target)
    QueryMapDisplay.from_estimator(campaign, X, coordinates=plane, ax=ax)
    ax.set_title(type(strategy).__name__)
