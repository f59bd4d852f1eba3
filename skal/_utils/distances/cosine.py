"""Cosines of many rows with a few others, block by block."""

import numpy as np

from skal._utils.threads import run

__all__ = ["coordinates", "highest_cosine", "unit_examples", "unit_rows"]

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


def unit_examples(examples, n_features):
    """Scale examples to length 1, or raise an error if there are none or they do not fit."""
    examples = unit_rows(examples)
    if len(examples) == 0:
        raise ValueError("examples has no rows: give at least one")
    if examples.shape[1] != n_features:
        raise ValueError(
            f"examples has {examples.shape[1]} features, but the rows have {n_features}"
        )
    return examples


def highest_cosine(X, examples, positions=None):
    """Compute the cosine similarity of each row, or of some rows, to its nearest example."""
    examples = unit_examples(examples, int(np.prod(X.shape[1:])))
    result = np.empty(len(X) if positions is None else len(positions), dtype=np.float32)

    def _highest(rows, products):
        result[rows] = np.clip(products.max(axis=1), -1, 1)

    _each_block(X, examples.T.astype(np.float32), _highest, positions)
    return result


def coordinates(X, directions):
    """Multiply rows, scaled to length 1, by the columns of directions."""
    result = np.empty((len(X), directions.shape[1]), dtype=np.float32)

    def _keep(rows, products):
        result[rows] = products

    _each_block(X, directions, _keep)
    return result


def _each_block(X, right, use, positions=None):
    """Multiply rows of length 1 by a matrix, and pass on the products of every block."""
    # Rows are read in blocks, so that X may be a memory map larger than memory.
    size = max(1, _NUMBERS // max(right.shape))
    n_rows = len(X) if positions is None else len(positions)

    def _compute(first):
        rows = slice(first, min(first + size, n_rows))
        block = X[rows if positions is None else positions[rows]]
        use(rows, _cosines(block.reshape(len(block), len(right)), right))

    run(_compute, range(0, n_rows, size))


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
