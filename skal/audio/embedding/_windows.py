"""Windows of a network's length, and pooling of their rows."""

import numpy as np

from skal.audio.reading import fit_length

__all__ = ["cut", "pooled", "window_starts"]

# A remainder below this share of a hop gets no window: files of nominally 3 s are a few samples
# longer.
_LEAST_REST = 0.1


def window_starts(n_samples, window, hop):
    """Return the first sample of every window; the last window ends with the clip."""
    last = max(0, n_samples - window)
    starts = list(range(0, last + 1, hop))
    rest = last - starts[-1]
    return [*starts, last] if rest > _LEAST_REST * hop else starts


def cut(y, window, hop, fill, size):
    """Yield the windows of a waveform in parts."""
    y = fit_length(y, max(len(y), window), fill)
    starts = window_starts(len(y), window, hop)
    for i in range(0, len(starts), size):
        yield np.stack([y[start : start + window] for start in starts[i : i + size]])


def pooled(rows, pool):
    """Pool the rows of the windows of a clip."""
    if pool is None:
        return rows
    parts = []
    if pool in ("mean", "mean_max"):
        parts.append(rows.mean(axis=0, dtype=np.float64).astype(np.float32))
    if pool in ("max", "mean_max"):
        parts.append(rows.max(axis=0))
    return np.concatenate(parts)
