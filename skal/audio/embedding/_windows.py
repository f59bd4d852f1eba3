"""Windows of a network's length, and pooling of their rows."""

import numpy as np

from skal.audio.reading import fit_length, pad

__all__ = ["cut", "n_windows", "pooled", "window_starts"]

# A remainder below this share of a hop gets no window: files of nominally 3 s are a few samples
# longer.
_LEAST_REST = 0.1


def window_starts(n_samples, window, hop):
    """Return the first sample of every window; the last window ends with the clip."""
    last = max(0, n_samples - window)
    starts = list(range(0, last + 1, hop))
    rest = last - starts[-1]
    return [*starts, last] if rest > _LEAST_REST * hop else starts


def n_windows(n_samples, window, hop, is_centered):
    """Return the number of windows of a clip."""
    return len(window_starts(n_samples + sum(_margins(window, is_centered)), window, hop))


def cut(y, window, hop, fill, is_centered, size):
    """Yield the windows of a waveform in parts."""
    if is_centered:
        y = pad(y, *_margins(window, is_centered), fill)
    y = fit_length(y, max(len(y), window), fill)
    starts = window_starts(len(y), window, hop)
    for i in range(0, len(starts), size):
        yield np.stack([y[start : start + window] for start in starts[i : i + size]])


def _margins(window, is_centered):
    """Return how many samples to add before and after a clip."""
    # The first window is then centered on the first sample, and the last window on the end.
    return (window // 2, window - window // 2) if is_centered else (0, 0)


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
