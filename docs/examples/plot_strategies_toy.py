"""
What each strategy picks
========================

This example shows the picks of the strategies on points in a plane, which stand for sounds with
two features. All strategies use the same classifier with the same 24 labels, and each picks 12
points for the next round.
"""

# %%
# The pool
# --------
# There are three classes in five clusters of different sizes, one of them small and far away.
# Every recording is cut into five windows, which are near-duplicates of each other. Real
# recordings are like this, and here strategies differ most.

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.RandomState(3)
centers = np.array([[-1.6, 0.9], [1.5, 1.1], [-1.0, -1.3], [1.3, -1.1], [3.6, 2.6]])
classes_of_heaps = np.array([0, 1, 1, 2, 2])
heaps = rng.choice(5, size=120, p=[0.3, 0.25, 0.2, 0.2, 0.05])
recordings = centers[heaps] + rng.normal(scale=0.75, size=(120, 2))
groups = np.repeat(np.arange(120), 5)
X = recordings[groups] + rng.normal(scale=0.05, size=(600, 2))
y = classes_of_heaps[heaps][groups]

labeled = rng.choice(600, 24, replace=False)
pool = np.setdiff1d(np.arange(600), labeled)

# %%
# The classifier
# --------------
# The classifier is an ensemble of twenty logistic regressions on radial features, each trained on
# its own draw of the labels, so that strategies based on disagreement have members to compare. Its
# embedding is the point itself. A `~skal.models.CNNClassifier` embeds by its last hidden layer,
# and its members are passes with dropout.

from sklearn.ensemble import BaggingClassifier
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

member = make_pipeline(
    RBFSampler(gamma=0.3, n_components=60, random_state=0), LogisticRegression(C=10)
)
model = BaggingClassifier(member, n_estimators=20, random_state=0).fit(X[labeled], y[labeled])

grid_x, grid_y = np.meshgrid(np.linspace(-4, 6, 70), np.linspace(-3.8, 4.8, 60))
surface = model.predict_proba(np.column_stack([grid_x.ravel(), grid_y.ravel()]))
classes = surface.argmax(axis=1).reshape(grid_x.shape)

COLORS = ["#0072b2", "#e69f00", "#009e73"]
LEVELS = [-0.5, 0.5, 1.5, 2.5]


def show(**strategies):
    """Draw what some strategies pick, one panel each, numbered in the order of asking."""
    _, axes = plt.subplots(1, 3, figsize=(9.6, 3.1), layout="constrained")
    for ax in axes[len(strategies) :]:
        ax.set_visible(False)
    for ax, (name, strategy) in zip(axes, strategies.items(), strict=False):
        picks = strategy.query(
            model,
            X[pool],
            12,
            X_labeled=X[labeled],
            y_labeled=y[labeled],
            groups=groups[pool],
            random_state=0,
        )
        picked = pool[picks]
        n_recordings = len(np.unique(groups[picked]))
        ax.contourf(
            grid_x, grid_y, classes, levels=[-0.5, 0.5, 1.5, 2.5], colors=COLORS, alpha=0.18
        )
        ax.scatter(*X[pool].T, s=5, color="0.55", linewidths=0)
        ax.scatter(*X[labeled].T, s=22, c=np.take(COLORS, y[labeled]), marker="s", linewidths=0)
        ax.scatter(*X[picked].T, s=46, facecolors="none", edgecolors="black", linewidths=1.3)
        ax.set_title(f"{name}\n{n_recordings} recordings", fontsize=9)
        ax.set(xticks=[], yticks=[], xlim=(-4, 6), ylim=(-3.8, 4.8))


# %%
# Squares are labels, rings are picks, and the background is what the classifier predicts.
#
# Uncertainty
# -----------
# Random points follow the density of the pool. Margin and entropy pick points on the borders
# between classes, and several windows of one recording: its twin is as uncertain as the window.

from skal.strategies import EntropySampling, MarginSampling, RandomSampling

show(random=RandomSampling(), margin=MarginSampling(), entropy=EntropySampling())

# %%
# Gradient
# --------
# An expected gradient is long if the classifier is uncertain *and* the embedding is long. Here the
# embedding is the point itself, so both lengths prefer points far from the middle. BADGE draws
# gradients that differ from each other.

from skal.strategies import BADGE, ExpectedChangeOfGradient, ExpectedGradientLength

show(
    **{
        "expected gradient length": ExpectedGradientLength(),
        "expected change of gradient": ExpectedChangeOfGradient(),
        "BADGE": BADGE(),
    }
)

# %%
# Density
# -------
# Density peaks are the middles of clusters, and halo points lie between them. After a filter by
# entropy, the same idea works only among the uncertain points.

from skal.strategies import DensityPeaksSampling, EntropyDensityPeaks

show(
    **{
        "density peaks and halo": DensityPeaksSampling(),
        "entropy, then density peaks": EntropyDensityPeaks(prefilter=5),
    }
)

# %%
# Diversity and coverage
# ----------------------
# None of these uses the predictions. CoreSet picks the point farthest from all labels, so it
# starts with outliers. TypiClust and ProbCover pick typical points instead, which help most with
# few labels.

from skal.strategies import CoreSet, ProbCover, TypiClust

show(CoreSet=CoreSet(), TypiClust=TypiClust(), ProbCover=ProbCover())

# %%
# Models that disagree
# --------------------
# BALD picks points for which the members of the ensemble are certain of different classes. The
# highest scores are near-duplicates. PowerBALD draws points instead of picking the highest scores;
# BatchBALD scores each point by what it adds to the points already picked.

from skal.strategies import BALD, BatchBALD, PowerBALD

show(BALD=BALD(), PowerBALD=PowerBALD(), BatchBALD=BatchBALD(20, n_configurations=20_000))

# %%
# A committee's disagreement can be measured in three ways.

from skal.strategies import QueryByCommittee

show(
    **{
        name.replace("_", " "): QueryByCommittee(name, n_members=20)
        for name in ["vote_entropy", "consensus_entropy", "max_disagreement"]
    }
)

# %%
# Augmentation
# ------------
# Slightly changed copies of a point should get the same prediction as the point. Moving points
# here stands for the time shifts and noise that make copies of sounds.

from skal.strategies import AugmentationDisagreement


def move(points, random_state):
    """Return copies of points, moved at random."""
    return points + random_state.normal(scale=0.4, size=points.shape)


show(
    **{
        "a quarter of the copies": AugmentationDisagreement(augment=move),
        "all copies": AugmentationDisagreement(augment=move, majority=1.0),
    }
)

# %%
# Composition
# -----------
# Strategies can be put together: margin, spread over clusters; margin, with one window of each
# recording; CoreSet, among the 60 most uncertain points.

from skal.strategies import DiverseBatch, MaxPerGroup, Prefilter

show(
    **{
        "margin, over clusters": DiverseBatch(MarginSampling()),
        "margin, one of a recording": MaxPerGroup(MarginSampling()),
        "margin, then CoreSet": Prefilter(MarginSampling(), CoreSet(), factor=5),
    }
)

# %%
# A very large pool is reduced first, to the neighborhood of the labels or to a random part.

from skal.strategies import NeighborPool, SubsamplePool

show(
    **{
        "margin near the labels": NeighborPool(MarginSampling(), n_neighbors=8),
        "margin in a part of 100": SubsamplePool(MarginSampling(), size=100),
    }
)

# %%
# These pictures show how the strategies differ, not which of them saves the most labels.
# :doc:`The guide </guide/strategies>` has measurements on recordings.
