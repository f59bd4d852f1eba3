"""Search by example: the rows most similar to examples, by cosine similarity."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skal._utils.distances.cosine import coordinates, highest_cosine, unit_examples
from skal._utils.distances.directions import principal_directions
from skal._utils.private import Interval, StrOptions, _fit_context, validate_params
from skal._utils.threads import run

__all__ = ["SimilaritySearch", "most_similar"]

# Up to this number, comparing all rows takes a fraction of a second, so an index is not worth it.
_EXACT = 200_000

# The index holds the coordinates along this number of principal directions: with 32, one example
# in twenty needs many more candidates; 96 take half as long again for every example.
_DIRECTIONS = 64

# Candidates are compared exactly: first this number, or this number for each row wanted. They
# double as long as the last half of them holds more than one of 50 results.
_CANDIDATES, _CANDIDATES_PER_RESULT = 1000, 4
_DOUBLINGS = 4
_LATE = 50

# Rows of the index per block: 16 MB of float32.
_BLOCK = 2**16


@validate_params(
    {
        "X": ["array-like"],
        "examples": ["array-like"],
        "n_results": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def most_similar(X, examples, n_results=50):
    """Find the rows most similar to some examples, exactly.

    The similarity of a row is its cosine similarity to its nearest example. Rows are read
    in blocks: X may be a memory map larger than memory, of float16 too.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows to search among, such as embeddings.
    examples : array-like of shape (n_examples, n_features)
        The examples. Rows of X that are examples are found too, with a similarity of 1.
    n_results : int, default=50
        Rows wanted.

    Returns
    -------
    positions : ndarray of shape (min(n_results, n_samples),)
        Positions in X, most similar first; ties in the order of X.
    similarities : ndarray of shape (min(n_results, n_samples),), float32
        From -1 to 1; 0 for a row of zeros.

    Raises
    ------
    ValueError
        If there are no examples, if numbers of features differ, or if a row has NaN or infinity.

    See Also
    --------
    SimilaritySearch : Searches recordings, and keeps their embeddings.
    skal.strategies.SimilarTo : Asks for similar rows in a campaign.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.search import most_similar
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    >>> positions, similarities = most_similar(X, [[0.0, 2.0]], n_results=2)
    >>> positions, similarities.round(1)
    (array([1, 2]), array([1. , 0.8], dtype=float32))
    """
    similarities = highest_cosine(_as_array(X), _as_array(examples))
    positions = _highest(similarities, min(n_results, len(similarities)))
    return positions, similarities[positions]


class SimilaritySearch(BaseEstimator):
    """Search the same rows repeatedly for those most similar to examples.

    Parameters
    ----------
    method : {"auto", "exact", "index"}, default="auto"
        "exact" compares all rows every time. "index" computes 64 coordinates of every row once,
        and then compares only the rows that these coordinates make likely. "auto" is "index" for
        more than 200,000 rows. Fewer than 8,000 rows are always compared exactly.
    random_state : int, RandomState instance or None, default=None
        Draws the sample of rows that determines the directions of the coordinates.

    Attributes
    ----------
    X_ : ndarray of shape (n_samples, n_features)
        The rows, not a copy.
    n_features_in_ : int
        Features of a row.
    index_ : ndarray of shape (n_samples, n_directions), float32, or None
        The coordinates of the rows, scaled to length 1; None for an exact search.
    directions_ : ndarray of shape (n_features, n_directions), float32, or None
        The directions of the coordinates.

    See Also
    --------
    most_similar : The exact search as a function.

    Notes
    -----
    The coordinates are those along the principal directions, without subtracting the mean, so that
    cosines between them estimate the similarities. The rows with the highest estimates are
    compared exactly, twice as many each time, until the last half of them adds at most 2 % of the
    results. If there are too many, all rows are compared: rows without principal directions, such
    as noise, take longer, but are found as well.

    For a million rows of 1,024 numbers (mixtures of BirdNET's embeddings of ESC-10), building the
    index takes 8 s of processor time and 256 MB. A search by one example then takes 0.03 to 0.04 s
    of processor time instead of 1 s, and finds more than .99 of the 50 most similar rows.

    A pickle contains the rows, also those of a memory map.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.search import SimilaritySearch
    >>> X = np.random.RandomState(0).standard_normal((1000, 16))
    >>> search = SimilaritySearch().fit(X)
    >>> positions, similarities = search.search(X[[7, 11]], n_results=3)
    >>> sorted(positions[:2].tolist())
    [7, 11]
    """

    _parameter_constraints = {
        "method": [StrOptions({"auto", "exact", "index"})],
        "random_state": ["random_state"],
    }

    def __init__(self, method="auto", *, random_state=None):
        self.method = method
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Store the rows to search, and build the index if there is one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, such as embeddings; a memory map is read in blocks.
        y : None
            Ignored.

        Returns
        -------
        SimilaritySearch
            Itself.
        """
        self.X_ = _as_array(X)
        self.n_features_in_ = self.X_.shape[1]
        self.directions_ = self.index_ = None
        least = {"exact": np.inf, "index": 8 * _CANDIDATES, "auto": _EXACT + 1}
        if len(self.X_) >= least[self.method]:
            rng = check_random_state(self.random_state)
            self.directions_ = principal_directions(self.X_, _DIRECTIONS, rng)
            self.index_ = _same_length(coordinates(self.X_, self.directions_))
        return self

    @validate_params(
        {
            "examples": ["array-like"],
            "n_results": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def search(self, examples, n_results=50):
        """Find the rows most similar to examples.

        Parameters
        ----------
        examples : array-like of shape (n_examples, n_features)
            The examples.
        n_results : int, default=50
            Rows wanted.

        Returns
        -------
        positions : ndarray of shape (min(n_results, n_samples),)
            Positions in X, most similar first.
        similarities : ndarray of shape (min(n_results, n_samples),), float32
            Cosine similarity to the nearest example.

        Raises
        ------
        ValueError
            As `most_similar`.
        """
        check_is_fitted(self)
        first = max(_CANDIDATES, _CANDIDATES_PER_RESULT * n_results)
        most = min(first * 2**_DOUBLINGS, len(self.X_) // 4)
        # Comparing a quarter of the rows, in no order, takes as long as comparing all.
        if self.index_ is None or 2 * first > most:
            return most_similar(self.X_, examples, n_results)
        examples = unit_examples(_as_array(examples), self.n_features_in_)
        order = _highest(self._estimate(examples), most)
        rows, similarities = self._compare(examples, n_results, order, first)
        if rows is None:  # the coordinates say too little about these rows
            return most_similar(self.X_, examples, n_results)
        found = _highest(similarities, n_results)
        return rows[found], similarities[found]

    def _estimate(self, examples):
        """Estimate the similarity of each row to its nearest example from coordinates."""
        right = _same_length((examples @ self.directions_).astype(np.float32)).T
        result = np.empty(len(self.index_), dtype=np.float32)
        size = max(256, _BLOCK // len(examples))

        def _compute(first):
            rows = slice(first, first + size)
            np.max(self.index_[rows] @ right, axis=1, out=result[rows])

        run(_compute, range(0, len(result), size))
        return result

    def _compare(self, examples, n_results, order, first):
        """Compare rows in the given order, until the results hardly change."""
        rows = np.sort(order[:first])
        similarities = highest_cosine(self.X_, examples, rows)
        while 2 * len(rows) <= len(order):  # a smaller last part would prove less
            new = np.sort(order[len(rows) : 2 * len(rows)])
            values = highest_cosine(self.X_, examples, new)
            # Equal rows may differ in the last bits.
            border = np.partition(similarities, -n_results)[-n_results] + 1e-6
            rows, similarities = np.append(rows, new), np.append(similarities, values)
            if np.sum(values > border) * _LATE <= n_results:
                return rows, similarities
        return None, None


def _as_array(X):
    """Return rows as an array of numbers; keep memory maps."""
    X = np.asarray(X)
    if not np.issubdtype(X.dtype, np.number) or X.ndim < 2:
        raise ValueError(
            f"X must be a numeric array of shape (n_rows, n_features), not {X.dtype} of shape "
            f"{X.shape}; embed recordings first"
        )
    return X.reshape(len(X), int(np.prod(X.shape[1:])))


def _same_length(rows):
    """Scale coordinates to length 1, in place; zeros stay zeros."""
    # Similar rows are also similar in what the coordinates leave out, so the cosine between
    # coordinates is the better estimate: of a million mixtures of BirdNET's embeddings, its 2,000
    # highest hold .99 of the 50 most similar rows, those of the product .96.
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(norms > 0, norms, 1)[:, None]
    return rows


def _highest(values, n_results):
    """Return the positions of the highest values in descending order; ties in order."""
    if n_results == 0:
        return np.empty(0, dtype=np.intp)
    border = np.partition(values, len(values) - n_results)[len(values) - n_results]
    above = np.flatnonzero(values > border)
    at = np.flatnonzero(values == border)[: n_results - len(above)]
    found = np.sort(np.concatenate([above, at]))
    return found[np.argsort(-values[found], kind="stable")]
