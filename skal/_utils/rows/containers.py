"""Containers of rows: arrays, frames, sparse matrices, and lists of paths or waveforms."""

import os

import numpy as np
from scipy import sparse

from skal._utils.private import _safe_indexing

_NUMBERS = "biufc"


class PoolLeftOut:
    """Stand-in for the rows of a campaign that was pickled without them."""

    def __init__(self, X):
        self.template = copy_rows(take_rows(X, np.arange(0)))
        self.shape = (n_rows(X), *getattr(X, "shape", (0,))[1:])

    def refuse(self):
        """Raise an error that says why the rows are missing."""
        raise ValueError(
            f"the pool of this campaign ({self.shape[0]} rows of X) is not in its pickle. "
            "predict works without it. For query and teach, call fit again with the same X and "
            "the campaign's checkpoint=..., which resumes it."
        )

    def __getitem__(self, index):
        self.refuse()

    def __array__(self, dtype=None, copy=None):
        self.refuse()


def n_rows(X):
    """Return the number of rows of any container."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def is_pandas(X):
    """Return whether X is a DataFrame or a Series of pandas."""
    return hasattr(X, "iloc")


def is_polars(X):
    """Return whether X is a DataFrame or a Series of polars."""
    return type(X).__module__.partition(".")[0] == "polars"


def is_frame(X):
    """Return whether X has named columns: a DataFrame of pandas or of polars."""
    return (is_pandas(X) or is_polars(X)) and len(X.shape) == 2


def is_plain_sequence(X):
    """Return whether X is a 1-D sequence that is no matrix, such as paths or ragged waveforms."""
    if hasattr(X, "shape"):
        numeric = getattr(getattr(X, "dtype", None), "kind", "O") in _NUMBERS
        return len(X.shape) == 1 and not numeric
    if not isinstance(X, (list, tuple)) and hasattr(X, "__array__"):
        return False
    if not hasattr(X, "__len__") or not hasattr(X, "__getitem__"):
        return False  # scikit-learn's message is the clearest
    if len(X) == 0:
        return False
    first = X[0]
    if _is_address(first):
        return True
    if isinstance(first, np.ndarray) and first.ndim == 1:
        return len({len(row) for row in X}) > 1
    return not isinstance(first, (int, float, complex, np.ndarray, np.generic, list, tuple))


def take_rows(X, positions):
    """Return the rows at some positions, in the container of X."""
    return _safe_indexing(X, positions)


def copy_rows(X):
    """Copy rows, so that later changes of X by the caller have no effect."""
    if isinstance(X, np.ndarray) or sparse.issparse(X) or is_pandas(X):
        return X.copy()
    if is_polars(X):
        return X.clone()
    return [row.copy() if isinstance(row, np.ndarray) else row for row in X]


def concatenate(parts):
    """Concatenate containers of the same kind."""
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
    """Return rows in the kind of frame or sequence of a template, or raise an error."""
    if is_frame(template):
        return _in_frame(X, template)
    if is_plain_sequence(template):
        return _in_sequence(X, template)
    if not (sparse.issparse(template) or isinstance(template, np.ndarray)):
        return X  # a pickle keeps only an empty list of paths
    if is_plain_sequence(X):
        _refuse(X, template)
    return X.to_numpy() if is_frame(X) else X


def in_matrix_of(X, template):
    """Return validated rows as an array or sparse matrix like the template, or raise an error."""
    if sparse.issparse(template):
        # Use one class: stacking a SciPy matrix and a SciPy array gives either class.
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
    """Return the name of a container for messages."""
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
    """Return rows as a list, an array of objects or a Series, like the template."""
    if is_frame(X) and X.shape[1] == 1:
        X = X[X.columns[0]]
    if sparse.issparse(X) or is_frame(X):
        _refuse(X, template)
    # Equally long waveforms form a matrix if they come without others.
    is_matrix = not is_plain_sequence(X)
    rows = list(np.atleast_1d(np.asarray(X)) if is_matrix else X)
    if not rows:
        raise ValueError("X is empty: there are no rows in it")
    first, like = rows[0], next(iter(template))
    if is_matrix and not (np.ndim(first) == 1 and isinstance(like, np.ndarray)):
        _refuse(X, template)
    if _is_address(first) != _is_address(like) and not _are_clips(first, like):
        _refuse(X, template)
    if is_pandas(template) or is_polars(template):
        return type(template)(rows, name=template.name)
    if not isinstance(template, np.ndarray):
        return rows
    if template.dtype.kind == "U" and all(isinstance(row, (str, os.PathLike)) for row in rows):
        return np.asarray([os.fspath(row) for row in rows])
    array = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        array[i] = row  # one by one: a list of tuples would be taken for a matrix
    return array


def _are_clips(*rows):
    """Return whether all entries are paths, window addresses, or waveforms."""
    return all(_is_address(row) or isinstance(row, np.ndarray) for row in rows)


def _in_frame(X, template):
    """Return rows as a frame with the columns of the template, in its order and types."""
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
    """Return the columns of rows under the names of the template."""
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
    """Cast a pandas column to its type in fit, or raise an error if that would lose values."""
    if column.dtype == dtype:
        return column
    kind, wanted = getattr(column.dtype, "kind", "O"), getattr(dtype, "kind", "O")
    if kind in _NUMBERS and wanted not in _NUMBERS and str(dtype) != "category":
        raise ValueError(f"column {name!r} is {column.dtype}, but was {dtype} in fit")
    if str(dtype) == "category":
        other = column[~(column.isin(dtype.categories) | column.isna())]
        if len(other):
            raise ValueError(
                f"column {name!r} has {other.iloc[0]!r}, which is not one of its categories in fit"
            )
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"column {name!r} cannot be converted to {dtype}, its type in fit: {error}"
        ) from error
    if kind in _NUMBERS and wanted in "iu" and not (cast == column).all():
        return column  # not integers: both columns become floats
    return cast
