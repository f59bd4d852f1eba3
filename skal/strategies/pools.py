"""Parts of pools that are too large to query: a subsample, or neighbors of labeled rows."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import NearestNeighbors

from skal._utils.distances.descent import build_index
from skal._utils.private import HasMethods, Interval, StrOptions
from skal._utils.rows.fingerprints import describe
from skal._utils.rows.lazy import n_rows
from skal.strategies.base import QueryStrategy
from skal.strategies.composition import query_among

__all__ = ["ApproximateNeighbors", "NeighborPool", "SubsamplePool"]

# Neighbors to hold in memory at a time.
_CELLS = 2**22


class SubsamplePool(QueryStrategy):
    """Query a random sample of the pool, drawn in each round.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        Chooses within the sample.
    size : int, default=10_000
        Rows in the sample, at least the number of rows wanted.

    See Also
    --------
    NeighborPool : Queries the neighborhood of the labeled rows.
    Prefilter : Queries the candidates of another strategy.

    Examples
    --------
    BatchBALD on a pool that is too large for it:

    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.strategies import BatchBALD, SubsamplePool
    >>> rng = np.random.default_rng(0)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> forest = forest.fit(rng.normal(size=(20, 2)), [0, 1] * 10)
    >>> X = rng.normal(size=(50_000, 2))
    >>> strategy = SubsamplePool(BatchBALD(n_models=10), size=500)
    >>> strategy.query(forest, X, 5, random_state=0).shape
    (5,)
    """

    _parameter_constraints = {
        "strategy": [QueryStrategy, callable],
        "size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, strategy, size=10_000):
        self.strategy = strategy
        self.size = size

    def select(self, learner, X, n_instances, *, random_state, **context):
        """Pick rows in a random sample of X; see `QueryStrategy.select`."""
        size = min(len(X), max(self.size, n_instances))
        part = random_state.choice(len(X), size, replace=False)
        return query_among(
            self.strategy, learner, X, n_instances, part, random_state=random_state, **context
        )


class ApproximateNeighbors(BaseEstimator):
    """Find nearest neighbors approximately, with the package pynndescent."""

    # An index for `NeighborPool` with the methods of `~sklearn.neighbors.NearestNeighbors` that it
    # calls. Building it takes minutes for a million rows; searching is fast.

    def __init__(self, n_neighbors=30, metric="euclidean", random_state=None):
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.random_state = random_state

    def fit(self, X, y=None):
        """Build the index."""
        self.index_ = build_index(
            X,
            "leave index=None, for an exact search",
            n_neighbors=self.n_neighbors,
            metric=self.metric,
            random_state=self.random_state,
        )
        return self

    def kneighbors(self, X, n_neighbors, return_distance=True):
        """Find the nearest rows in the index."""
        positions, distances = self.index_.query(X, k=n_neighbors)
        return (distances, positions) if return_distance else positions


class NeighborPool(QueryStrategy):
    """Query only the neighborhood of labeled rows, which grows with them.

    Informative rows are usually near labeled rows, so a strategy can skip the rest of a very large
    pool. Candidates are the `n_neighbors` nearest rows of each labeled row, or more if these are
    too few.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        Chooses within the neighborhood.
    n_neighbors : int, default=100
        Neighbors of each labeled row.
    index : estimator, default=None
        Index to search: any object with ``fit(X)`` and ``kneighbors(X, n_neighbors,
        return_distance)``, such as ``skal.strategies.pools.ApproximateNeighbors``, which needs
        the package pynndescent. None: the exact search of
        `~sklearn.neighbors.NearestNeighbors`.
    representation : {"embedding", "features"}, default="embedding"
        Space of the neighbors: "embedding" is the model's current embedding, which passes the
        whole pool through the network every round; "features" is the flattened X. With "features",
        the index is built once for each X, and the model only processes the neighborhood; X should
        then be embeddings of a pretrained network, or other features with meaningful distances.
        Rows that are not candidates are excluded from the neighbors.

    See Also
    --------
    SubsamplePool : Queries a random part of the pool.
    Prefilter : Queries the candidates of another strategy.

    References
    ----------
    Coleman, Chou, Katz-Samuels, Culatana, Bailis, Berg, Nowak, Sumbaly, Zaharia and Yalniz,
    "Similarity search for efficient active learning and search of rare concepts", AAAI 2022,
    arXiv 2007.00077.

    Examples
    --------
    The rows with the smallest margin are far from all labeled rows. In the neighborhood of these,
    the strategy asks for others:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import MarginSampling, NeighborPool
    >>> X_labeled, y_labeled = np.array([[0.0, 0.0], [4.0, 0.0]]), ["cat", "dog"]
    >>> model = LogisticRegression().fit(X_labeled, y_labeled)
    >>> far = np.full((20, 2), [2.0, 99.0])
    >>> X = np.concatenate([[[0.0, 0.1], [1.0, 0.0], [2.5, 0.0], [4.0, 0.1]], far])
    >>> MarginSampling().query(model, X, 1).item() in range(4)
    False
    >>> strategy = NeighborPool(MarginSampling(), n_neighbors=2)
    >>> strategy.query(model, X, 1, X_labeled=X_labeled, y_labeled=y_labeled).tolist()
    [2]
    """

    _parameter_constraints = {
        "strategy": [QueryStrategy, callable],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "index": [HasMethods(["fit", "kneighbors"]), None],
        "representation": [StrOptions({"embedding", "features"})],
    }

    def __init__(self, strategy, n_neighbors=100, *, index=None, representation="embedding"):
        self.strategy = strategy
        self.n_neighbors = n_neighbors
        self.index = index
        self.representation = representation

    def required(self):
        """Return the names of all learner methods needed; see `QueryStrategy.required`."""
        own = {"embed"} if self.representation == "embedding" else set()
        return super().required() | own

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.representation == "features":
            tags.input_tags.string = tags.input_tags.sparse = False
        return tags

    def __getstate__(self):
        # The index contains all of X, so rebuild it instead of pickling it.
        state = dict(super().__getstate__())
        state.pop("_built", None)
        return state

    def select(self, learner, X, n_instances, *, X_labeled, **context):
        """Pick rows near the labeled ones; see `QueryStrategy.select`."""
        if X_labeled is None or len(X_labeled) == 0:
            raise ValueError(
                "NeighborPool queries the neighbors of labeled rows, but there are none. Choose "
                "the first "
                "labels with RandomSampling, CoreSet, TypiClust or ProbCover."
            )
        if self.representation == "embedding":
            index = self._fit(learner.embed(X))
            queries, place = learner.embed(X_labeled), np.arange(len(X))
        else:
            index = self._index_of(X.base)
            queries = _as_features(X_labeled.take())
            place = np.full(n_rows(X.base), -1)
            place[X.positions] = np.arange(len(X))
        among = _neighborhood(index, queries, place, self.n_neighbors, n_instances)
        return query_among(
            self.strategy, learner, X, n_instances, among, X_labeled=X_labeled, **context
        )

    def _fit(self, points):
        return clone(NearestNeighbors() if self.index is None else self.index).fit(points)

    def _index_of(self, base):
        """Return the index of all rows, rebuilt only if X or the index changes."""
        built, wanted = self.__dict__.get("_built"), describe(self.index)
        if built is None or built[0] is not base or built[1] != wanted:
            self._built = (base, wanted, self._fit(_as_features(base)))
        return self._built[2]


def _as_features(X):
    features = np.asarray(X)
    if not np.issubdtype(features.dtype, np.number):
        raise TypeError(
            f"representation='features' needs numbers, not rows of type {features.dtype}; "
            "use representation='embedding'"
        )
    return features.reshape(len(features), -1)


def _neighborhood(index, queries, place, k, n_instances):
    """Find candidates near the queries, at least `n_instances` if possible."""
    # `place` holds each indexed row's position among the candidates, -1 for rows that are none.
    n_candidates = np.count_nonzero(place >= 0)
    while k < len(place) // 2:
        near = np.zeros(len(place), dtype=bool)
        size = max(1, _CELLS // k)
        for start in range(0, len(queries), size):
            block = queries[start : start + size]
            near[index.kneighbors(block, n_neighbors=k, return_distance=False)] = True
        among = place[near & (place >= 0)]
        if len(among) >= min(n_instances, n_candidates):
            return among
        k *= 4
    # This many neighbors cover nearly all rows, so a search only costs time.
    return np.arange(n_candidates)
