"""
Pseudo-labels: learn from confident predictions
===============================================

After each round, confident predictions of the model become labels for one training. This helps
only if confident predictions are usually correct, and a simulation shows whether they are.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import MFCC
from skal.campaign import PseudoLabels
from skal.datasets import make_sounds
from skal.display import BudgetCurveDisplay
from skal.metrics import budget_curve
from skal.strategies import MarginSampling

sounds = make_sounds(600, 4, snr_db=0, random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X, y = StandardScaler().fit_transform(X), sounds.target
train, test = slice(0, 400), slice(400, None)

# %%
# With and without
# ----------------
# ``threshold`` is an entropy in nats: log(4) = 1.39 is a guess among four classes, 0 is certain.

SEEDS = range(6)
fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
records = {}
for name, guesses in {
    "labels alone": None,
    "and pseudo-labels below 0.05": PseudoLabels(0.05),
    "and pseudo-labels below 0.5": PseudoLabels(0.5),
}.items():
    curves = []
    for seed in SEEDS:
        campaign = ActiveLearningClassifier(
            LogisticRegression(max_iter=1000),
            MarginSampling(),
            pseudo_labels=guesses,
            n_initial=20,
            n_instances=10,
            budget=80,
            random_state=seed,
        )
        campaign.fit(X[train], y[train], eval_set=(X[test], y[test]))
        n_labels, accuracy = budget_curve(campaign.history_)
        curves.append(accuracy)
    records[name] = campaign.history_
    curve = BudgetCurveDisplay(n_labels=n_labels, values=np.mean(curves, axis=0), name=name)
    curve.plot(ax)

# %%
# Number and accuracy of pseudo-labels
# ------------------------------------
# In a simulation the record has both; in a real campaign only the number is known. Margin queries
# the uncertain rows, so the pseudo-labels are on the easy ones: they repeat what the model already
# predicts.

for name, history in records.items():
    for record in history[1::3]:
        if record.get("n_pseudo_labeled"):
            print(
                f"{name}: {record['n_labeled']} labels, {record['n_pseudo_labeled']} "
                f"pseudo-labels, {record['pseudo_accuracy']:.0%} right"
            )

# %%
# With a loose threshold a third of the pseudo-labels are wrong, and the model is worse than
# without any. A strict threshold neither helps nor harms here.
