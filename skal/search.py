"""Search by example: the rows most similar to examples, by cosine similarity."""

from importlib.util import find_spec
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skal._utils.distances.cosine import highest_cosine, unit_rows
from skal._utils.distances.descent import build_index
from skal._utils.private import Interval, StrOptions, _fit_context, validate_params

__all__ = ["SimilaritySearch", "most_similar"]

# Up to this number, comparing all rows takes a fraction of a second, so an index is not worth it.
_EXACT = 200_000

# Number of principal directions in the index, in float32; and the number of candidates that it
# returns, as a multiple of the rows wanted. These candidates are then compared exactly.
_DIRECTIONS = 128
_OVERSAMPLING = 10
_SAMPLE = 10_000
_BLOCK = 4096


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
        "exact" compares all rows every time. "index" builds an index once, in minutes for a
        million rows, and then finds nearly the same rows in milliseconds; it needs the package
        pynndescent (``pip install 'skal-audio[ann]'``). "auto" uses an index for more than 200,000
        rows if the package is installed.
    random_state : int, RandomState instance or None, default=None
        Draws the initial state of the index.

    Attributes
    ----------
    X_ : ndarray of shape (n_samples, n_features)
        The rows, not a copy.
    n_features_in_ : int
        Features of a row.
    index_ : pynndescent.NNDescent or None
        The index, of the rows' principal directions; None for an exact search.

    See Also
    --------
    most_similar : The exact search as a function.

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
        self.index_ = None
        large = len(self.X_) > _EXACT and find_spec("pynndescent") is not None
        if self.method == "index" or (self.method == "auto" and large):
            rng = check_random_state(self.random_state)
            self._directions = _principal_directions(self.X_, rng)
            self.index_ = build_index(
                _project(self.X_, self._directions),
                "use method='exact'",
                metric="cosine",
                random_state=rng,
            )
        return self

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
        wanted = _OVERSAMPLING * n_results
        if self.index_ is None or wanted >= len(self.X_):
            return most_similar(self.X_, examples, n_results)
        examples = _as_array(examples)
        if len(examples) == 0 or examples.shape[1] != self.n_features_in_:
            return most_similar(self.X_[:1], examples, n_results)  # raises the error
        queries = _project(examples, self._directions)
        among = np.unique(self.index_.query(queries, k=wanted)[0])
        positions, similarities = most_similar(self.X_[among], examples, n_results)
        return among[positions], similarities


def _as_array(X):
    """Return rows as an array of numbers; keep memory maps."""
    X = np.asarray(X)
    if not np.issubdtype(X.dtype, np.number) or X.ndim < 2:
        raise ValueError(
            f"X must be a numeric array of shape (n_rows, n_features), not {X.dtype} of shape "
            f"{X.shape}; embed recordings first"
        )
    return X.reshape(len(X), int(np.prod(X.shape[1:])))


def _highest(values, n_results):
    """Return the positions of the highest values in descending order; ties in order."""
    if n_results == 0:
        return np.empty(0, dtype=np.intp)
    border = np.partition(values, len(values) - n_results)[len(values) - n_results]
    above = np.flatnonzero(values > border)
    at = np.flatnonzero(values == border)[: n_results - len(above)]
    found = np.sort(np.concatenate([above, at]))
    return found[np.argsort(-values[found], kind="stable")]


def _principal_directions(X, rng):
    """Return the principal directions of a sample of the normalized rows."""
    if X.shape[1] <= _DIRECTIONS:
        return np.eye(X.shape[1], dtype=np.float32)
    sample = np.sort(rng.permutation(len(X))[:_SAMPLE])
    rows = unit_rows(X[sample])
    vectors = np.linalg.eigh(rows.T @ rows)[1]
    return vectors[:, -_DIRECTIONS:].astype(np.float32)


def _project(X, directions):
    """Return the coordinates of normalized rows along some directions, block by block."""
    result = np.empty((len(X), directions.shape[1]), dtype=np.float32)
    for first in range(0, len(X), _BLOCK):
        block = slice(first, first + _BLOCK)
        result[block] = unit_rows(X[block]) @ directions
    return result
