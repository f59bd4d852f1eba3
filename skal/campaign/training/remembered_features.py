"""Features of recordings that the first step of a Pipeline computes once for all rounds."""

import functools

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, TargetTags, TransformerTags, get_tags

from skal._utils.rows.containers import concatenate, is_frame, take_rows
from skal._utils.rows.fingerprints import file_of_row, size_and_time
from skal._utils.rows.lazy import as_rows, n_rows

__all__ = ["Remembered", "remember_rows", "share_rows"]

# Rows beyond this size in total are not cached.
_BYTES = 2**30


class Remembered:
    """A transformer that caches the row of each recording."""

    # It exists only in the campaign's process: copies and pickles contain the plain transformer,
    # and its attributes are those of the transformer.

    def __init__(self, transformer, rows=None):
        self.transformer = transformer
        self.rows = {} if rows is None else rows
        self._is_fitted = False

    def __getattr__(self, name):
        if name.startswith("__") or name == "transformer":
            raise AttributeError(name)
        return getattr(self.transformer, name)

    def __repr__(self):
        return repr(self.transformer)

    def __reduce__(self):
        return _itself, (self.transformer,)

    def __sklearn_clone__(self):
        return Remembered(clone(self.transformer, safe=False), self.rows)

    def __sklearn_tags__(self):
        if hasattr(self.transformer, "__sklearn_tags__"):
            tags = get_tags(self.transformer)
        else:
            tags = Tags(None, TargetTags(required=False), transformer_tags=TransformerTags())
        tags.requires_fit = False
        return tags

    def set_params(self, **params):
        """Set parameters of the transformer, and drop the cached rows."""
        self.transformer.set_params(**params)
        self.rows = {}
        return self

    def fit(self, X, y=None, **params):
        """Fit the transformer once: it learns nothing from rows."""
        if not self._is_fitted and hasattr(self.transformer, "fit"):
            self.transformer.fit(X, y, **params)
        self._is_fitted = True
        return self

    def fit_transform(self, X, y=None, **params):
        """Return the rows of recordings."""
        return self.fit(X, y, **params).transform(X)

    def transform(self, X):
        """Return the rows of recordings, computing only new ones."""
        self.fit(X)
        keys = _keys(X)
        if keys is None:
            return self.transformer.transform(X)
        places = {i: self.rows[key] for i, key in enumerate(keys) if key in self.rows}
        missing = np.setdiff1d(np.arange(len(keys)), list(places))
        if len(missing):
            new = _as_table(self.transformer.transform(as_rows(X)[missing].take()))
            self._keep([keys[i] for i in missing], new)
            if not places:
                return new
            if not _is_table(new, len(missing)):
                return self.transformer.transform(X)
            places.update((i, (new, row)) for row, i in enumerate(missing.tolist()))
        if len({table.shape[1:] for table, _ in places.values()}) > 1:
            return self.transformer.transform(X)  # its error says which recordings differ
        return _gathered([places[i] for i in range(len(keys))])

    def transform_readable(self, X):
        """Return the rows of readable recordings, and the broken recordings."""
        self.fit(X)
        rows, broken = self.transformer.transform_readable(X)
        keys = _keys(X)
        if keys is not None:
            self._keep([key for i, key in enumerate(keys) if i not in broken], rows)
        return rows, broken

    def _keep(self, keys, rows):
        """Keep new rows as long as there is room."""
        if keys and _is_table(rows, len(keys)):
            room = max(0, _BYTES // _bytes_of_row(rows) - len(self.rows))
            # This is a copy, because the caller may change its rows.
            table = take_rows(rows, np.arange(min(room, len(keys))))
            self.rows.update((key, (table, i)) for i, key in enumerate(keys[:room]))


def _as_table(rows):
    """Return rows that can be taken by position: a frame, a sparse matrix, or an array."""
    if is_frame(rows):
        return rows
    if sparse.issparse(rows):
        return rows.tocsr()
    try:
        table = np.asarray(rows)
    except ValueError:  # rows of different lengths
        return rows
    return table if table.ndim > 1 and table.dtype.kind in "fiub" else rows


def _is_table(rows, n):
    return len(getattr(rows, "shape", ())) > 1 and n_rows(rows) == n


def _bytes_of_row(rows):
    if is_frame(rows):
        return 8 * rows.shape[1]
    held = rows.data if sparse.issparse(rows) else rows
    return max(1, held.nbytes // n_rows(rows))


def _gathered(places):
    """Return the rows at the given places, each a table and a position in it, as one table."""
    tables, found = {}, {}
    for i, (table, row) in enumerate(places):
        tables[id(table)] = table
        found.setdefault(id(table), []).append((i, row))
    parts = [take_rows(tables[key], np.array(found[key])[:, 1]) for key in tables]
    order = np.concatenate([np.array(found[key])[:, 0] for key in tables])
    together = concatenate(parts)
    return together if len(parts) == 1 else take_rows(together, np.argsort(order))


def _itself(transformer):
    return transformer


def _keys(X):
    """Return the keys of recordings, or None for other rows."""
    if is_frame(X) and X.shape[1] == 1:
        X = X[X.columns[0]]
    if getattr(X, "ndim", 1) != 1:
        return None
    paths = [file_of_row(row) for row in X]
    if not paths or None in paths:
        return None
    # A file that was written again is another recording.
    ask = functools.cache(size_and_time)
    return [(row, *ask(path)) for row, path in zip(X, paths, strict=True)]


def remember_rows(estimator, X):
    """Wrap the first step of a Pipeline in a cache of rows, in place."""
    # Does nothing unless rows are recordings and the step learns nothing in fit.
    few = as_rows(X)[: min(2, n_rows(X))].take()
    place = _first_place(estimator)
    if place is None or _keys(few) is None:
        return
    pipeline, (name, step) = place, place.steps[0]
    if (
        hasattr(step, "transform")
        and not hasattr(step, "store_folder")
        and _learns_nothing(step, few)
    ):
        pipeline.steps[0] = (name, Remembered(step))


def share_rows(before, after):
    """Share cached rows with a classifier from a checkpoint."""
    one, other = _first_place(before), _first_place(after)
    if one is not None and other is not None and isinstance(one.steps[0][1], Remembered):
        name, step = other.steps[0]
        other.steps[0] = (name, Remembered(step, one.steps[0][1].rows))


def _first_place(estimator):
    """Return the innermost Pipeline that rows enter first, or None."""
    if not isinstance(estimator, Pipeline):
        return None
    inner = _first_place(estimator.steps[0][1])
    return estimator if inner is None else inner


def _learns_nothing(step, few):
    """Return whether `fit` does not change a transformer, by its tags or by trying."""
    if hasattr(step, "__sklearn_tags__") and not get_tags(step).requires_fit:
        return True
    if not hasattr(step, "fit"):
        return True
    tried = clone(step, safe=False)
    before = dict(vars(tried))
    try:
        tried.fit(few)
    except (TypeError, ValueError, OSError, RuntimeError):
        return False
    after = vars(tried)
    return set(after) == set(before) and all(after[name] is before[name] for name in before)
