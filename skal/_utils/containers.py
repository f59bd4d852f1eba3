"""What rows come in: arrays, frames, sparse matrices, lists of paths or waveforms."""

import os

import numpy as np
from scipy import sparse

from skal._utils.private import _safe_indexing

_NUMBERS = "biufc"


class PoolLeftOut:
    """Stands for the rows of a campaign where they are no longer there."""

    def __init__(self, X):
        self.template = copy_rows(take_rows(X, np.arange(0)))
        self.shape = (n_rows(X), *getattr(X, "shape", (0,))[1:])

    def refuse(self):
        """Raise an error that says why the rows are missing."""
        raise ValueError(
            f"the pool of this campaign ({self.shape[0]} rows of X) is not in its pickle. "
            "predict works without it. To ask and to teach, call fit again with the same X and "
            "the checkpoint=... of the campaign, which goes on where it was left."
        )

    def __getitem__(self, index):
        self.refuse()

    def __array__(self, dtype=None, copy=None):
        self.refuse()


def n_rows(X):
    """Return the number of rows of an array, a frame, a sparse matrix, a list or `Rows`."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def is_pandas(X):
    """Tell whether X is a DataFrame or a Series of pandas."""
    return hasattr(X, "iloc")


def is_polars(X):
    """Tell whether X is a DataFrame or a Series of polars."""
    return type(X).__module__.partition(".")[0] == "polars"


def is_frame(X):
    """Tell whether X has named columns: a DataFrame of pandas or of polars."""
    return (is_pandas(X) or is_polars(X)) and len(X.shape) == 2


def is_plain_sequence(X):
    """Tell whether X is a 1-D sequence of things that make no matrix: paths, ragged waveforms."""
    if hasattr(X, "shape"):
        numeric = getattr(getattr(X, "dtype", None), "kind", "O") in _NUMBERS
        return len(X.shape) == 1 and not numeric
    if not isinstance(X, (list, tuple)) and hasattr(X, "__array__"):
        return False
    if not hasattr(X, "__len__") or not hasattr(X, "__getitem__"):
        return False  # scikit-learn's message says best what X is not
    if len(X) == 0:
        return False
    first = X[0]
    if isinstance(first, (str, os.PathLike)):
        return True
    if isinstance(first, np.ndarray) and first.ndim == 1:
        return len({len(row) for row in X}) > 1
    return not isinstance(first, (int, float, complex, np.ndarray, np.generic, list, tuple))


def take_rows(X, positions):
    """Return the rows at some positions, in the container that X is."""
    return _safe_indexing(X, positions)


def copy_rows(X):
    """Return rows that stay as they are when the caller changes X in place."""
    if isinstance(X, np.ndarray) or sparse.issparse(X) or is_pandas(X):
        return X.copy()
    if is_polars(X):
        return X.clone()
    return [row.copy() if isinstance(row, np.ndarray) else row for row in X]


def concatenate(parts):
    """Return the rows of several containers of one kind as one of that kind."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if is_pandas(first):
        import pandas as pd

        return pd.concat(parts)
    if is_polars(first):
        import polars as pl

        return pl.concat(parts)
    if sparse.issparse(first):
        return sparse.vstack(parts, format="csr")
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    return [row for part in parts for row in part]


def in_container_of(X, template):
    """Return rows as a frame or a sequence like another one, or refuse them."""
    if is_frame(template):
        return _in_frame(X, template)
    if is_plain_sequence(template):
        return _in_sequence(X, template)
    if not (sparse.issparse(template) or isinstance(template, np.ndarray)):
        return X  # the empty list that a pickle keeps of paths
    if is_plain_sequence(X):
        _refuse(X, template)
    return X.to_numpy() if is_frame(X) else X


def in_matrix_of(X, template):
    """Return validated rows as an array or a sparse matrix like another one, or refuse them."""
    if sparse.issparse(template):
        # Of one class: a matrix and an array of SciPy would be stacked into either.
        return type(template)(X if sparse.issparse(X) else np.asarray(X))
    if not isinstance(template, np.ndarray) or template.dtype.kind not in _NUMBERS:
        return X
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    if X.shape[1:] != template.shape[1:]:
        raise ValueError(
            f"the rows have shape {X.shape[1:]}, those given to fit have {template.shape[1:]}"
        )
    if template.dtype.kind == "f" and X.dtype.kind in "biuf":
        return X.astype(template.dtype, copy=False)
    return X


def _refuse(X, template):
    raise ValueError(
        f"these rows are {container_name(X)}, those given to fit are {container_name(template)}: "
        "give rows of the same kind"
    )


def container_name(X):
    """Return what to call a container in a message."""
    if is_frame(X):
        return f"a DataFrame of {'pandas' if is_pandas(X) else 'polars'}"
    if sparse.issparse(X):
        return "a sparse matrix"
    if is_plain_sequence(X):
        first = X[0] if not is_pandas(X) else X.iloc[0]
        kind = "waveforms" if isinstance(first, np.ndarray) else type(first).__name__
        return f"a sequence of {'paths' if _is_address(first) else kind}"
    if hasattr(X, "shape"):
        return f"an array of shape {tuple(X.shape)}"
    return f"a {type(X).__name__}"


def _is_address(row):
    if isinstance(row, tuple) and row:
        row = row[0]
    return isinstance(row, (str, os.PathLike))


def _in_sequence(X, template):
    """Return rows as a list, an array of objects or a Series, as the template is."""
    if is_frame(X) and X.shape[1] == 1:
        X = X[X.columns[0]]
    # Waveforms of one length make a matrix where they come alone.
    is_waves = not is_plain_sequence(X) and not sparse.issparse(X) and not is_frame(X)
    if is_waves and container_name(template) != "a sequence of waveforms":
        _refuse(X, template)
    if not is_waves and not is_plain_sequence(X):
        _refuse(X, template)
    rows = list(np.asarray(X)) if is_waves else list(X)
    if is_waves and np.ndim(rows[0]) != 1:
        _refuse(X, template)
    if _is_address(rows[0]) != _is_address(next(iter(template))) and not _are_clips(
        rows[0], next(iter(template))
    ):
        _refuse(X, template)
    if is_pandas(template) or is_polars(template):
        return type(template)(rows, name=template.name)
    if isinstance(template, np.ndarray):
        if template.dtype.kind == "U":
            return np.asarray([str(row) for row in rows])
        array = np.empty(len(rows), dtype=object)
        array[:] = rows
        return array
    return rows


def _are_clips(*rows):
    """Tell whether all are something that a reader of sound takes: addresses and waveforms."""
    return all(_is_address(row) or isinstance(row, np.ndarray) for row in rows)


def _in_frame(X, template):
    """Return rows as a frame with the columns of another one, in their order and types."""
    names = list(template.columns)
    columns = _columns(X, names, template)
    if is_polars(template):
        import polars as pl

        try:
            return pl.DataFrame(columns).cast(dict(template.schema))
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            raise ValueError(f"a column has another type than in fit: {error}") from error
    import pandas as pd

    index = X.index if is_pandas(X) else None
    return pd.DataFrame(
        {n: _cast(pd.Series(columns[n], index=index), template[n].dtype, n) for n in names},
        columns=template.columns,
    )


def _columns(X, names, template):
    """Return the columns of rows by the names of a frame."""
    if is_frame(X):
        missing = [name for name in names if name not in list(X.columns)]
        other = [name for name in X.columns if name not in names]
        if missing or other:
            raise ValueError(
                f"the columns differ from those given to fit: missing {missing}, new {other}"
            )
        if is_pandas(X):
            return {name: X[name] for name in names}
        return {name: X[name] if is_polars(template) else X[name].to_list() for name in names}
    if is_plain_sequence(X):
        if len(names) != 1:
            _refuse(X, template)
        return {names[0]: list(X)}
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2 or X.shape[1] != len(names):
        raise ValueError(
            f"X has shape {X.shape}, but the frame given to fit has {len(names)} features, "
            f"its columns {names[:20]}"
        )
    return {name: X[:, i] for i, name in enumerate(names)}


def _cast(column, dtype, name):
    """Return a column of pandas in the type that it had in fit, unless that loses something."""
    if column.dtype == dtype:
        return column
    kind, wanted = getattr(column.dtype, "kind", "O"), getattr(dtype, "kind", "O")
    if kind in _NUMBERS and wanted not in _NUMBERS and str(dtype) != "category":
        raise ValueError(f"column {name!r} is {column.dtype}, in fit it is {dtype}")
    if str(dtype) == "category":
        other = column[~(column.isin(dtype.categories) | column.isna())]
        if len(other):
            raise ValueError(
                f"column {name!r} has {other.iloc[0]!r}, which is none of its categories in fit"
            )
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} is no {dtype}, as in fit: {error}") from error
    if kind in _NUMBERS and wanted in "iu" and not (cast == column).all():
        return column  # numbers that are no integers: both columns become floats
    return cast
