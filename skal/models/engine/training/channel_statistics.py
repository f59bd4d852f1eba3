"""Channel statistics of large arrays, block by block."""

import numpy as np

__all__ = ["channel_statistics"]

BLOCK = 128  # Small enough to stay in the processor's cache between passes.


def channel_statistics(X, weights):
    """Weighted mean and variance of each channel over all samples."""
    # Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing
    # sample variances, COMPSTAT 1982, section 2 (merging of blocks).
    total, mean, squares = 0.0, 0.0, 0.0
    n_cells = int(np.prod(X.shape[1:-1]))
    buffer = np.empty((min(len(X), BLOCK), n_cells * X.shape[-1]))
    for start in range(0, len(X), BLOCK):
        rows = slice(start, start + BLOCK)
        block = buffer[: len(X[rows])]
        block[...] = X[rows].reshape(len(block), -1)
        weight = np.asarray(weights[rows], dtype=np.float64) * n_cells
        block_mean = _channel_sums(weight @ block, X.shape[-1]) / (weight.sum() * n_cells)
        block -= np.tile(block_mean, n_cells)
        block *= block
        block_squares = _channel_sums(weight @ block, X.shape[-1]) / n_cells
        new = total + weight.sum()
        step = block_mean - mean
        squares = squares + block_squares + step**2 * (total * weight.sum() / new)
        mean = mean + step * (weight.sum() / new)
        total = new
    variance = squares / total
    if not (np.all(np.abs(mean) < 1e37) and np.all(variance < 1e37)):
        raise ValueError("X has values too large for 32-bit floats: scale it first")
    # In a constant channel, differences are rounding errors of about 1e-7 of its mean in 32 bits.
    constant = variance <= (1e-7 * np.abs(mean)) ** 2
    return mean, np.where(constant, 1.0, variance)


def _channel_sums(values, n_channels):
    return values.reshape(-1, n_channels).sum(axis=0)
