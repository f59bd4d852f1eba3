"""What the benchmarks share: the data, fair timing, and how the peers are asked."""

import time

import numpy as np
from sklearn.datasets import make_blobs

N_LABELED, N_DIMENSIONS, N_CLASSES = 500, 128, 10


def pool_and_labeled(n_samples, dtype=np.float64):
    """Return a pool, labeled rows and their labels: clouds that overlap."""
    X, y = make_blobs(
        n_samples + N_LABELED,
        N_DIMENSIONS,
        centers=2 * N_CLASSES,
        center_box=(-1.0, 1.0),
        cluster_std=2.0,
        random_state=0,
    )
    X = X.astype(dtype)
    return X[N_LABELED:], X[:N_LABELED], y[:N_LABELED] % N_CLASSES


def interleave(ours, theirs, repeats=3):
    """Time two functions in turn; return the best of each, so that a busy machine is fair."""
    best = [np.inf, np.inf]
    for _ in range(repeats):
        for side, function in enumerate([ours, theirs]):
            start = time.perf_counter()
            function()
            best[side] = min(best[side], time.perf_counter() - start)
    return best


def ask_scikit_activeml(strategy, X, X_labeled, y_labeled, n_instances):
    """Return positions in X that a pool strategy of scikit-activeml picks, and its ranking."""
    from skactiveml.utils import MISSING_LABEL

    everything = np.concatenate([X, X_labeled])
    y = np.concatenate([np.full(len(X), MISSING_LABEL), y_labeled])
    return strategy.query(everything, y, batch_size=n_instances)
