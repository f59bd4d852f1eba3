"""
A first campaign: from a folder of recordings to a model
========================================================

This example starts from recordings in folders, one folder per class. A campaign queries 60 of 160
labels, and the example shows which ones.
"""

# %%
# The recordings
# --------------
# So that the example runs anywhere, it writes a folder of synthetic sounds of four kinds. With
# your own recordings, start at `load_audio_folder`.

import tempfile
from pathlib import Path

import soundfile

from skal.datasets import load_audio_folder, make_sounds

made = make_sounds(240, 4, snr_db=0, random_state=0)
folder = Path(tempfile.mkdtemp())
for i, (waveform, label) in enumerate(zip(made.data, made.target, strict=True)):
    place = folder / made.target_names[label]
    place.mkdir(exist_ok=True)
    soundfile.write(place / f"{i:03}.wav", waveform, made.sr)

recordings = load_audio_folder(folder)
print(len(recordings.paths), "recordings of", ", ".join(recordings.target_names))

# %%
# A recording of one class:

from skal.display import show_class

shown = show_class(recordings, recordings.target_names[0], 4, random_state=0)

# %%
# A model that takes paths
# ------------------------
# Features are the first step of a Pipeline, so that the campaign and its final model take paths.

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal.audio import MFCC


def summarize(coefficients):
    """Return mean and standard deviation over time."""
    summary = np.hstack([coefficients.mean(axis=2), coefficients.std(axis=2)])
    return summary.reshape(len(summary), -1)


model = make_pipeline(
    MFCC(sr=made.sr, n_fft=512, hop_length=200, deltas=1),
    FunctionTransformer(summarize),
    StandardScaler(),
    LogisticRegression(C=0.1, max_iter=1000),
)

# %%
# The campaign
# ------------
# A third of the recordings is for testing. Their labels are used only for the scores in the
# record.

from sklearn.model_selection import train_test_split

from skal import ActiveLearningClassifier
from skal.display import BudgetCurveDisplay
from skal.strategies import MarginSampling

X, y = np.array(recordings.paths), recordings.target_names[recordings.target]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=1 / 3, random_state=0)
campaign = ActiveLearningClassifier(
    model, MarginSampling(), n_initial=20, n_instances=10, budget=60, random_state=0
)
campaign.fit(X_train, y_train, eval_set=(X_test, y_test))
full = model.fit(X_train, y_train).score(X_test, y_test)
display = BudgetCurveDisplay.from_estimator(campaign, full_data=full)

# %%
# The recording about which the first model was least certain:

from skal.display import show_clip

asked = campaign.history_[1]["indices"][0]
clip = show_clip(X_train[asked], name=f"asked first: {y_train[asked]}")

# %%
# The model can now predict other recordings. ``joblib.dump(campaign, ...)`` saves it.

print(campaign.predict(X_test[:3]))
