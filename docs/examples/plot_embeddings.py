"""
Embeddings against a network from scratch
=========================================

A network that was trained on other sounds turns a recording into an embedding, and a linear model
learns from it. The alternative is a network trained from scratch. With few labels, the better
choice depends on the sounds that the first network was trained on; this example measures it.

The embedding here comes from a `~skal.models.CNNClassifier` that was trained on other classes, so
that the example needs no download. `~skal.audio.PretrainedEmbedding` does the same with published
networks, such as BirdNET; see :doc:`/guide/embeddings`.
"""

# %%
# Two tasks
# ---------
# There are eight kinds of sounds. Four train the embedding network, the other four are the task.

import numpy as np

from skal.audio import LogMelSpectrogram
from skal.datasets import make_sounds
from skal.models import CNNClassifier, CompactCNN

sounds = make_sounds(560, 8, snr_db=0, random_state=0)
features = LogMelSpectrogram(sr=sounds.sr, n_fft=512, hop_length=400, n_mels=32)
X = features.transform(sounds.data)
other, task = sounds.target < 4, sounds.target >= 4
network = CNNClassifier(CompactCNN(filters=(8, 16)), steps=100, random_state=0)
heard = network.fit(X[other], sounds.target[other])

# %%
# The plot shows the embeddings of the task in the two directions of largest variance. The network
# was not trained on these classes.

import matplotlib.pyplot as plt
from sklearn.decomposition import PCA

X_task, y_task = X[task], sounds.target_names[sounds.target[task]]
embedding = heard.embed(X_task)
plane = PCA(2, random_state=0).fit_transform(embedding)
fig, ax = plt.subplots(figsize=(6, 4.4), layout="constrained")
for name in np.unique(y_task):
    ax.scatter(*plane[y_task == name].T, s=14, label=name)
ax.set(xlabel="first component", ylabel="second component")
legend = ax.legend(frameon=False)

# %%
# Two campaigns
# -------------
# Both campaigns have the same rows, the same first labels, and the same number of labels per
# round.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.display import BudgetCurveDisplay
from skal.strategies import MarginSampling

train, test = np.arange(180), np.arange(180, len(X_task))
fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
models = {
    "linear model on the embedding": (
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
        embedding,
    ),
    "network from scratch": (
        CNNClassifier(CompactCNN(filters=(8, 16)), steps=100, random_state=0),
        X_task,
    ),
}
for name, (model, rows) in models.items():
    campaign = ActiveLearningClassifier(
        model, MarginSampling(), n_initial=10, n_instances=15, budget=55, random_state=0
    )
    campaign.fit(rows[train], y_task[train], eval_set=(rows[test], y_task[test]))
    BudgetCurveDisplay.from_estimator(campaign, name=name, ax=ax)

# %%
# A small network trained on four kinds of sounds knows little about others: the embedding is a
# little ahead up to 25 labels, and behind from 40 on. Published networks are trained on thousands
# of kinds. This is one seed, on synthetic sounds; :doc:`/guide/embeddings` has measurements on
# recordings with a published network.
