"""
Is the classifier right as often as it says?
============================================

Strategies such as margin sampling read the probabilities of a classifier. A classifier that says
.95 and is right .70 of the time hides rows that are worth a label. A reliability diagram shows
whether probabilities can be believed: predictions are sorted into bins by how sure the classifier
is, and each bin shows how many are right.

The classifier here is `~skal.models.make_embedding_classifier`, which skal uses behind an
embedding; the comparison is logistic regression on standardized rows. The :doc:`guide
</guide/embeddings>` has the figures for real recordings.
"""

# %%
# Embeddings, and few labels
# --------------------------
# A network learns four kinds of sounds and embeds four others, which it has never heard.

import numpy as np

from skal.audio import LogMelSpectrogram
from skal.datasets import make_sounds
from skal.models import CNNClassifier, CompactCNN

sounds = make_sounds(1400, 8, snr_db=10, random_state=0)
features = LogMelSpectrogram(sr=sounds.sr, n_fft=512, hop_length=400, n_mels=32)
X = features.transform(sounds.data)
other, task = sounds.target < 4, sounds.target >= 4
network = CNNClassifier(CompactCNN(filters=(8, 16)), steps=100, random_state=0)
network.fit(X[other][:300], sounds.target[other][:300])
embedding, y = network.embed(X[task]), sounds.target[task]

# %%
# Each classifier is trained on 40 labels, drawn ten times. It predicts the other rows.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal.models import make_embedding_classifier

models = {
    "make_embedding_classifier()": make_embedding_classifier(),
    "standardized, C = 1": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
}
sure = {name: [] for name in models}
right = {name: [] for name in models}
for seed in range(10):
    labeled = np.random.RandomState(seed).permutation(len(y))[:40]
    rest = np.setdiff1d(np.arange(len(y)), labeled)
    for name, model in models.items():
        proba = model.fit(embedding[labeled], y[labeled]).predict_proba(embedding[rest])
        sure[name].append(proba.max(axis=1))
        right[name].append(model.classes_[proba.argmax(axis=1)] == y[rest])

# %%
# The diagram
# -----------
# Points on the diagonal are what a classifier should have. Below it, the classifier is too sure;
# above it, it is too modest. Log loss sums this up together with the accuracy.

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay

fig, ax = plt.subplots(figsize=(5.2, 5), layout="constrained")
for name in models:
    said, held = np.concatenate(sure[name]), np.concatenate(right[name])
    CalibrationDisplay.from_predictions(held, said, n_bins=8, name=name, ax=ax)
    print(f"{name}: right {held.mean():.2f}, says {said.mean():.2f} on average")
ax.set(xlabel="Probability of the predicted class", ylabel="Share of right predictions")
_ = ax.legend(loc="upper left", frameon=False)
