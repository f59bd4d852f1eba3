"""Cosine similarity of many rows to a few examples, block by block."""

import numpy as np

from skal._utils.threads import run

__all__ = ["highest_cosine", "unit_rows"]

# Numbers per block: 1 MB of float32 stays in the processor's cache between passes.
_NUMBERS = 2**18

# Rescales float16 bits that were read as float32: the exponents differ in bias.
_HALF_EXPONENT = np.float32(2.0**112)
_LARGEST_HALF = 65504.0


def unit_rows(X):
    """Scale rows to length 1 in float64; rows of zeros stay zero."""
    rows = np.asarray(X, dtype=np.float64)
    rows = rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
    largest = np.abs(rows).max(axis=1, initial=0, keepdims=True)
    _check_finite(largest)
    # Divide by the largest entry first: squares of huge numbers overflow, and those of tiny
    # numbers vanish.
    rows = rows / np.where(largest > 0, largest, 1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def highest_cosine(X, examples):
    """Compute the cosine similarity of each row to its nearest example."""
    # Rows are read in blocks, so that X may be a memory map larger than memory.
    examples = unit_rows(examples)
    n_features = int(np.prod(X.shape[1:]))
    if len(examples) == 0:
        raise ValueError("examples has no rows: give at least one")
    if examples.shape[1] != n_features:
        raise ValueError(
            f"examples has {examples.shape[1]} features, but the rows have {n_features}"
        )
    right = examples.T.astype(np.float32)
    result = np.empty(len(X), dtype=np.float32)
    size = max(1, _NUMBERS // max(n_features, len(examples)))

    def _compute(first):
        rows = slice(first, first + size)
        block = X[rows].reshape(-1, n_features)
        result[rows] = np.clip(_cosines(block, right).max(axis=1), -1, 1)

    run(_compute, range(0, len(X), size))
    return result


def _cosines(block, right):
    with np.errstate(over="ignore", invalid="ignore"):  # reported below, and by unit_rows
        values = _as_float32(block)
        squares = np.einsum("ij,ij->i", values, values)
        products = values @ right
    zero = squares == 0
    # Infinity in float16 was read as 65,536, so any row that holds it has a larger square.
    plain = squares.max(initial=0) < _LARGEST_HALF**2 and squares[~zero].min(initial=1) > 1e-20
    if not plain or block[zero].any():
        return unit_rows(block).astype(np.float32) @ right
    squares[zero] = 1
    return products / np.sqrt(squares)[:, None]


def _as_float32(block):
    """Return a block as float32, ten times faster for float16 than NumPy's conversion."""
    if block.dtype != np.float16 or not block.dtype.isnative or not block.flags.c_contiguous:
        return block.astype(np.float32)
    bits = block.view(np.int16).astype(np.int32)
    np.left_shift(bits, 13, out=bits)
    # Sign extension filled the upper bits: keep sign, exponent, and fraction.
    np.bitwise_and(bits, np.int32(-0x70002000), out=bits)
    values = bits.view(np.float32)
    return np.multiply(values, _HALF_EXPONENT, out=values)


def _check_finite(largest):
    bad = ~np.isfinite(largest[:, 0])
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(bad)} rows hold NaN or infinity; did the training of the "
            "embeddings diverge?"
        )
