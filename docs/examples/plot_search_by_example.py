"""
Search by example
=================

You have one recording of a sound, and thousands of recordings may contain more of it.
`skal.search` finds the rows most similar to examples, without a campaign and without a label.
"""

# %%
# A rare sound among many
# -----------------------

import numpy as np
from sklearn.preprocessing import StandardScaler

from skal.audio import MFCC
from skal.datasets import make_sounds

sounds = make_sounds(800, 5, snr_db=0, weights=[8, 8, 8, 8, 1], random_state=0)
cepstra = MFCC(sr=sounds.sr, n_fft=512, hop_length=200, deltas=1).transform(sounds.data)
X = np.hstack([cepstra.mean(axis=2), cepstra.std(axis=2)]).reshape(len(cepstra), -1)
X = StandardScaler().fit_transform(X)
rare = np.flatnonzero(sounds.target == 4)
example = rare[0]
print(f"{len(rare)} of {len(X)} recordings are {sounds.target_names[4]!s}")

from skal.display import show_clip

heard = show_clip(sounds.data[example], sounds.sr, name="the example")

# %%
# The most similar rows
# ---------------------
# The example itself comes first, with a similarity of 1.

from skal.display import MontageDisplay
from skal.search import most_similar

found, similarity = most_similar(X, X[[example]], 9)
montage = MontageDisplay(
    clips=[
        (f"{sounds.target_names[sounds.target[i]]}, {value:.2f}", sounds.data[i], sounds.sr)
        for i, value in zip(found[1:], similarity[1:], strict=True)
    ],
    title="most similar, with their class and similarity",
).plot()

# %%
# How many of the rare class are among the first rows of the list?

import matplotlib.pyplot as plt

ranked, _ = most_similar(X, X[[example]], len(X))
hits = np.cumsum(sounds.target[ranked[1:]] == 4)
fig, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
ax.plot(np.arange(1, len(X)), hits / (len(rare) - 1), label="like the example")
ax.plot([1, len(X) - 1], [0, 1], linestyle="--", color="0.5", label="at random")
ax.set(xlabel="recordings listened to", ylabel="share of the rare class found")
legend = ax.legend(frameon=False)

# %%
# In a campaign, ``SimilarTo(X[[example]])`` queries these rows; ``skal search`` finds them from
# the command line.
