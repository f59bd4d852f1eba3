"""
An oracle that says "cannot tell"
=================================

People do not know every sound. An oracle can skip a row by answering with the marker of an
unlabeled row; the campaign then queries other rows and does not query this row again.
"""

# %%
# An oracle
# ---------
# This oracle is a person who cannot name faint sounds. ``oracle(indices)`` gets positions of rows,
# and returns their labels in the same order.

import numpy as np
from sklearn.preprocessing import StandardScaler

from skal.audio import MFCC
from skal.datasets import make_sounds

sounds = make_sounds(500, 4, snr_db=5, random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X = StandardScaler().fit_transform(X)
names = sounds.target_names[sounds.target]
train, test = np.arange(350), np.arange(350, 500)
faint = np.random.RandomState(0).uniform(size=len(X)) < 0.2
asked = []


def listen(indices):
    """Answer with names; None where the sound is too faint."""
    asked.extend(indices)
    return [None if faint[i] else names[i] for i in indices]


# %%
# The campaign
# ------------
# All labels come from the oracle, so there is no ``y``, and ``classes`` lists the classes.

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression

from skal import ActiveLearningClassifier
from skal.display import BudgetCurveDisplay
from skal.strategies import MarginSampling

campaign = ActiveLearningClassifier(
    LogisticRegression(C=0.1, max_iter=1000),
    MarginSampling(),
    n_initial=20,
    n_instances=15,
    budget=110,
    classes=np.unique(names),
    random_state=0,
)
campaign.fit(X[train], oracle=listen, eval_set=(X[test], names[test]))
unknown = [i for i in asked if faint[i]]
print(f"{len(asked)} questions, {len(unknown)} without an answer,")
print(f"{len(campaign.labeled_indices_)} labels. {campaign.stop_reason_}")
print("asked twice:", len(asked) - len(set(asked)))

# %%
# The queries and answers of each round:

fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
BudgetCurveDisplay.from_estimator(campaign, name="answers of the oracle", ax=left)
answered = [record["n_new_labeled"] for record in campaign.history_]
right.bar(range(len(answered)), answered)
labels = right.set(xlabel="round", ylabel="new labels")
