"""Statistics of spectrograms over time, as comparable rows."""

import numpy as np

__all__ = ["time_statistics"]

_BLOCK = 256


def time_statistics(X):
    """Describe clips by the mean, standard deviation, and mean step of every band."""
    # Pixels of two clips are only comparable if events happen at the same time. These statistics
    # do not depend on time: mean, standard deviation, and mean absolute step between frames.
    parts = [_describe(np.asarray(X[i : i + _BLOCK])) for i in range(0, len(X), _BLOCK)]
    if not parts:
        parts = [_describe(np.asarray(X))]
    return np.concatenate(parts)


def _describe(X):
    if X.ndim not in (4, 5):
        raise ValueError(
            "spectrograms must have the axes (clips, bands, frames, channels), with or without "
            f"segments, not the shape {X.shape}"
        )
    X = X.astype(np.result_type(X.dtype, np.float32), copy=False)
    X = X if X.ndim == 5 else X[:, None]
    mean = X.mean(axis=(1, 3))
    steps = np.zeros_like(mean)  # a single frame has none
    if X.shape[3] > 1:
        steps = np.abs(np.diff(X, axis=3)).mean(axis=(1, 3))
    rows = np.stack([mean, X.std(axis=(1, 3)), steps], axis=1)
    return rows.reshape(len(X), int(np.prod(rows.shape[1:]))).astype(np.float32, copy=False)
