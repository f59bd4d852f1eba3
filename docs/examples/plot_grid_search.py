"""
A SciKeras network in a grid search over a strategy
===================================================

In every fold of a grid search a whole campaign runs, so you can search the hyper-parameters of a
strategy like any others. Here the classifier is a ``KerasClassifier`` of SciKeras, and the search
finds how many candidates `~skal.strategies.EntropyDensityPeaks` should cluster.
"""

# %%
# Sounds and a network
# --------------------
# The network is an ordinary Keras function; ``meta`` contains what SciKeras knows about the data.

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier

from skal.audio import MFCC
from skal.datasets import make_sounds

sounds = make_sounds(240, 4, snr_db=0, random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X = (X - X.mean(axis=0)) / X.std(axis=0)


def network(meta, units=32):
    """Return a network with one hidden layer."""
    inputs = keras.Input(meta["X_shape_"][1:])
    hidden = keras.layers.Dense(units, activation="relu")(inputs)
    outputs = keras.layers.Dense(meta["n_classes_"], activation="softmax")(hidden)
    return keras.Model(inputs, outputs)


model = KerasClassifier(
    network,
    loss="sparse_categorical_crossentropy",
    optimizer="adam",
    optimizer__learning_rate=0.01,
    epochs=10,
    verbose=0,
)

# %%
# The search
# ----------
# `~skal.metrics.budget_curve_scorer` scores a campaign by the area under its budget curve:
# all of its rounds count, not only the last one.

from sklearn.model_selection import GridSearchCV

from skal import ActiveLearningClassifier
from skal.metrics import budget_curve_scorer
from skal.strategies import EntropyDensityPeaks

campaign = ActiveLearningClassifier(
    model,
    EntropyDensityPeaks(),
    n_initial=20,
    n_instances=20,
    budget=40,
    store_rounds=True,
    random_state=0,
)
search = GridSearchCV(
    campaign,
    {"strategy__prefilter": [1, 3]},
    scoring=budget_curve_scorer,
    cv=2,
    refit=False,
)
search.fit(X, sounds.target)
for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(parameters, f"area {score:.3f}")

# %%
# The curves
# ----------
# One campaign per value runs, one round longer, on the same training and test rows.

import matplotlib.pyplot as plt
from sklearn.base import clone

from skal.display import BudgetCurveDisplay

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
train, test = slice(0, 160), slice(160, None)
for value in [1, 3]:
    one = clone(campaign).set_params(strategy__prefilter=value, budget=60)
    one.fit(X[train], sounds.target[train], eval_set=(X[test], sounds.target[test]))
    BudgetCurveDisplay.from_estimator(one, name=f"prefilter={value}", ax=ax)

# %%
# Two folds and one seed are enough to show the method. To choose a value, use more of both;
# :doc:`/guide/evaluation` says how many.
