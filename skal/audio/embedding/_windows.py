"""A clip as windows of a network's length, and their rows as one row of the clip."""

import numpy as np

from skal.audio.reading import fit_length

__all__ = ["cut", "pooled", "window_starts"]

# Less than this share of a hop at the end is no window of its own: files that are meant to be 3 s
# long end some samples later.
_LEAST_REST = 0.1


def window_starts(n_samples, window, hop):
    """Return the first sample of every window; the last window ends with the clip.

    Parameters
    ----------
    n_samples : int
        Samples of the clip; at least one window is cut.
    window, hop : int
        Length of a window, and from one to the next, in samples.

    Returns
    -------
    list of int
    """
    last = max(0, n_samples - window)
    starts = list(range(0, last + 1, hop))
    rest = last - starts[-1]
    return [*starts, last] if rest > _LEAST_REST * hop else starts


def cut(y, window, hop, fill, size):
    """Yield the windows of a waveform in parts.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The waveform; shorter than a window it is padded.
    window, hop : int
        As for `window_starts`.
    fill : str
        What to pad with, as for `skal.audio.read_audio`.
    size : int
        Windows of a part: those of an hour do not all lie in memory twice.

    Yields
    ------
    ndarray of shape (n_windows, window), float32
    """
    y = fit_length(y, max(len(y), window), fill)
    starts = window_starts(len(y), window, hop)
    for i in range(0, len(starts), size):
        yield np.stack([y[start : start + window] for start in starts[i : i + size]])


def pooled(rows, pool):
    """Return the rows of the windows of one clip as one row.

    Parameters
    ----------
    rows : ndarray of shape (n_windows, n_numbers), float32
        The embeddings.
    pool : {"mean", "max", "mean_max"} or None
        How; None leaves them.

    Returns
    -------
    ndarray of shape (n_numbers,), (2 * n_numbers,) or that of `rows`
    """
    if pool is None:
        return rows
    parts = []
    if pool in ("mean", "mean_max"):
        parts.append(rows.mean(axis=0, dtype=np.float64).astype(np.float32))
    if pool in ("max", "mean_max"):
        parts.append(rows.max(axis=0))
    return np.concatenate(parts)
