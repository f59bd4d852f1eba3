"""Fingerprints of rows, columns, and parameters, to compare them between processes."""

import functools
import hashlib
import os
import re

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from skal._utils.rows.containers import is_frame, is_pandas, n_rows, take_rows
from skal._utils.sound.windows import as_window

# Hash every byte up to this number; of larger arrays, hash evenly spread rows.
EXACT_BYTES = 2**28
_DIGEST = "sha256:"
_BLOCK_BYTES = 2**24


def is_digest(text):
    """Return whether an entry of a description is a checksum, which is not worth printing."""
    return text.startswith(_DIGEST)


def fingerprint(X):
    """Describe rows, distinguishing other rows and other orders."""
    # Recordings are compared by name, size and modification time, without being read.
    if is_frame(X):
        if X.shape[1] == 1 and _is_sequence_of_addresses(column := X[X.columns[0]]):
            return {"columns": repr(list(X.columns)), **_of_sequence(list(column))}
        return _of_frame(X)
    if sparse.issparse(X):
        return _of_sparse(X)
    if isinstance(X, np.ndarray) and (X.ndim > 1 or X.dtype.kind in "biufc"):
        return _of_array(X)
    return _of_sequence(list(X))


def _is_sequence_of_addresses(column):
    return len(column) > 0 and file_of_row(next(iter(column))) is not None


def _sha():
    return hashlib.sha256(usedforsecurity=False)


def _finish(sha):
    return _DIGEST + sha.hexdigest()


def _sample(X, n_bytes):
    """Return all rows, or evenly spread rows if there are too many bytes."""
    n = n_rows(X)
    if n_bytes <= EXACT_BYTES or n == 0:
        return X
    n_kept = max(1, int(n * EXACT_BYTES / n_bytes))
    return take_rows(X, np.unique(np.linspace(0, n - 1, n_kept).astype(np.intp)))


def _of_array(X):
    sha = _sha()
    _feed_array(sha, _sample(X, X.nbytes))
    kind = {"container": "array", "shape": str(X.shape), "type": str(X.dtype)}
    return {**kind, "values": _finish(sha)}


def _feed_array(sha, X):
    """Feed numbers in row order, block by block; objects as text."""
    if X.dtype.hasobject:
        for value in X.ravel():
            sha.update(f"{canonical(value)}\n".encode())
        return
    row = max(1, X.nbytes // max(1, len(X)))
    step = max(1, _BLOCK_BYTES // row)
    for start in range(0, len(X), step):
        sha.update(np.ascontiguousarray(X[start : start + step]).view(np.uint8).data)


def _of_sparse(X):
    csr = X.tocsr(copy=True)
    csr.sum_duplicates()
    kept, sha = _sample(csr, csr.data.nbytes + csr.indices.nbytes), _sha()
    for part in (kept.indptr.astype(np.int64), kept.indices.astype(np.int64), kept.data):
        _feed_array(sha, part)
    kind = {"container": "sparse matrix", "shape": str(X.shape), "type": str(X.dtype)}
    return {**kind, "values": _finish(sha)}


def _of_frame(X):
    kept, sha = _sample(X, 8 * X.shape[0] * X.shape[1]), _sha()
    for name in X.columns:
        column = kept[name]
        if is_pandas(X) and isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufc":
            _feed_array(sha, column.to_numpy())
        else:
            for value in column:
                sha.update(f"{value!r}\n".encode())
    return {
        "container": "DataFrame",
        "shape": str(X.shape),
        "columns": repr(list(X.columns)),
        "type": repr([str(dtype) for dtype in X.dtypes]),
        "values": _finish(sha),
    }


def _of_sequence(rows):
    """Describe paths, windows, waveforms, and other rows."""
    names, sizes, times, values = (_sha() for _ in range(4))
    ask = functools.cache(size_and_time)  # many windows share a file
    n_bytes = sum(row.nbytes for row in rows if isinstance(row, np.ndarray))
    step = max(1, -(-n_bytes // EXACT_BYTES))
    for i, row in enumerate(rows):
        path = file_of_row(row)
        if path is not None:
            size, time = ask(path)
            names.update(f"{row!s}\n".encode(errors="surrogateescape"))
            sizes.update(f"{size}\n".encode())
            times.update(f"{time}\n".encode())
        elif isinstance(row, np.ndarray):
            values.update(f"{row.dtype} {row.shape}\n".encode())
            if i % step == 0:
                _feed_array(values, row)
        else:
            values.update(f"{canonical(row)}\n".encode())
    return {
        "container": "sequence",
        "shape": f"({len(rows)},)",
        "names": _finish(names),
        "sizes of the files": _finish(sizes),
        "modification times of the files": _finish(times),
        "values": _finish(values),
    }


def file_of_row(row):
    """Return the file of a path or window address, or None."""
    first = row[0] if isinstance(row, tuple) and row else row
    if not isinstance(first, (str, os.PathLike)):
        return None
    try:
        return as_window(row).path
    except (TypeError, ValueError):
        return str(first)


def size_and_time(path):
    """Return the size of a file and its modification time, or None without a file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # not a file name, or the file is gone
        return None, None
    return status.st_size, status.st_mtime_ns


def describe(value):
    """Describe a parameter, distinguishing other values."""
    if type(value).__repr__ is BaseEstimator.__repr__:
        # Print without a limit: otherwise the middle of long arrays is left out.
        text = value.__repr__(N_CHAR_MAX=float("inf"))
    else:
        text = repr(value)
    sha = _sha()
    sha.update(canonical(value).encode(errors="surrogateescape"))
    return _without_address(text), _finish(sha)


def _without_address(text):
    """Remove memory addresses from the text of objects."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def canonical(value, _outer=(), _fitted=False):
    """Return the whole content of a value as text, the same in every process."""
    # Estimators count by their parameters, and by fitted state that a clone keeps.
    if id(value) in _outer:
        return "<itself>"
    go_on = functools.partial(canonical, _outer=(*_outer, id(value)), _fitted=_fitted)
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        return repr(value.item())
    if _fitted and isinstance(value, np.ndarray) and value.dtype == object:
        return go_on(value.tolist())  # such as the trees of gradient boosting
    if isinstance(value, np.ndarray) or sparse.issparse(value) or is_pandas(value):
        return repr(fingerprint(value))
    if isinstance(value, np.random.RandomState):
        return go_on(value.get_state(legacy=False))
    if isinstance(value, np.random.Generator):
        return go_on(value.bit_generator.state)
    if isinstance(value, functools.partial) and not hasattr(value, "get_params"):
        return f"partial {go_on([value.func, value.args, value.keywords])}"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{go_on(k)}: {go_on(v)}' for k, v in value.items())})"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(go_on, value))})"
    if isinstance(value, (set, frozenset)):
        return f"set({', '.join(sorted(map(go_on, value)))})"
    says_all = type(value).__repr__ is not object.__repr__ and not hasattr(value, "get_params")
    if isinstance(value, type) or says_all:
        weights = go_on(value.get_weights()) if _fitted and _is_keras(value) else ""
        return _without_address(repr(value)) + weights
    name = type(value).__qualname__
    if _fitted:
        state = value.__getstate__()
        return f"{name} {go_on(dict(sorted(state.items())) if isinstance(state, dict) else state)}"
    if not hasattr(value, "get_params"):
        return f"{name} {go_on(dict(getattr(value, '__dict__', {})))}"
    params = dict(sorted(value.get_params(deep=False).items()))
    kept = _kept_as_fitted(value, params)
    texts = {key: go_on(params[key], _fitted=key in kept) for key in params}
    return f"{name} dict({', '.join(f'{key!r}: {text}' for key, text in texts.items())})"


def _is_keras(value):
    """Return whether a value is a Keras model or layer, whose text lacks the weights."""
    return not isinstance(value, type) and hasattr(value, "get_weights")


def _kept_as_fitted(value, params):
    """Return the names of parameters that a clone keeps fitted, as in FrozenEstimator."""
    models = [name for name, given in params.items() if hasattr(given, "__sklearn_clone__")]
    models = [name for name in models if not isinstance(params[name], type)]
    if not models:
        return []
    copied = clone(value, safe=False).get_params(deep=False)
    return [name for name in models if copied[name] is params[name]]
