"""Base classes of query strategies: parameter objects that pick rows of a pool."""

import inspect
from abc import ABCMeta, abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, get_tags

from skal._utils.hints import nearest
from skal._utils.rows.lazy import Rows, as_rows, check_starts
from skal.learner import Learner, check_supported
from skal.strategies.ranking import check_positions, check_scores, pick_highest

__all__ = ["FunctionStrategy", "QueryStrategy", "ScoreStrategy", "as_strategy"]


class QueryStrategy(BaseEstimator, metaclass=ABCMeta):
    """Base of all query strategies.

    A subclass implements `select`, and names in ``needs`` the `skal.learner.Learner` methods that
    it calls. Its constructor only stores parameters, so that `~sklearn.base.clone` and grid
    searches work as with any scikit-learn object. This class validates the arguments and the
    result of `select`.

    See Also
    --------
    ScoreStrategy : Base of the strategies that only score each row.
    skal.strategies.checks.check_strategy : Checks a strategy of your own.

    Examples
    --------
    A strategy that asks for the loudest recordings, and needs no model:

    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import QueryStrategy
    >>> class LoudestFirst(QueryStrategy):
    ...     def select(self, learner, X, n_instances, **context):
    ...         levels = np.sqrt(np.mean(np.asarray(X) ** 2, axis=1))
    ...         positions = np.argsort(-levels)[:n_instances]
    ...         return positions, levels[positions]
    >>> X = np.array([[0.1, -0.1], [0.9, -0.9], [0.5, -0.5]])
    >>> LoudestFirst().query(Learner.without_model(None, X), X, 2).tolist()
    [1, 2]
    """

    #: Names of the `skal.learner.Learner` methods that `select` calls.
    needs: frozenset[str] = frozenset()

    #: Declared types and ranges of the parameters, as in scikit-learn.
    _parameter_constraints: dict[str, list | str] = {}

    def required(self):
        """Return the names of all learner methods needed, including those of inner strategies.

        Returns
        -------
        frozenset of str
        """
        return frozenset(self.needs).union(*(each.required() for each in self._inner()))

    def check_pool(self, X, *, groups=None):
        """Raise an error if a parameter is wrong, or a fact about the rows is missing.

        A campaign calls this before any training. Strategies that need certain rows, `groups` or
        ``X.starts`` extend it.

        Parameters
        ----------
        X : Rows of length n_samples
            All rows that may be asked about; see `select`.
        groups : ndarray of shape (n_samples,), default=None
            Recording, speaker or place of each row.

        Raises
        ------
        ValueError
            If something is wrong or missing; the message says what to give.
        """
        self._validate_params()
        for each in self._inner():
            each.check_pool(X, groups=groups)

    def _inner(self):
        """Return the strategies inside this one."""
        values = self.get_params(deep=False).values()
        return [value for value in values if isinstance(value, QueryStrategy)]

    def __sklearn_tags__(self):
        """Return tags for the rows that a strategy and its inner strategies support."""
        # A strategy that sees rows only through the learner supports all rows. A strategy that
        # reads rows as numbers clears the tags that it does not support: ``tags.input_tags.string
        # = False`` for paths and waveforms, ``sparse`` for sparse matrices, ``three_d_array`` for
        # more than two axes.
        tags = super().__sklearn_tags__()
        inner = [
            get_tags(value).input_tags
            for value in self.get_params(deep=True).values()
            if isinstance(value, QueryStrategy)
        ]
        for name in ("string", "sparse", "three_d_array"):
            setattr(tags.input_tags, name, all(getattr(other, name) for other in inner))
        return tags

    def query(
        self,
        learner,
        X,
        n_instances,
        *,
        X_labeled=None,
        y_labeled=None,
        groups=None,
        starts=None,
        random_state=None,
        return_scores=False,
    ):
        """Pick the rows to label next.

        Parameters
        ----------
        learner : Learner or estimator
            The fitted classifier; an estimator is wrapped in a `Learner`.
        X : array-like or sequence of n_samples rows
            The candidates.
        n_instances : int
            Rows wanted.
        X_labeled : array-like or sequence of n_labeled rows, default=None
            Rows whose labels are known.
        y_labeled : ndarray of shape (n_labeled,), default=None
            Their labels.
        groups : ndarray of shape (n_samples,), default=None
            Recording, speaker or place of each candidate.
        starts : ndarray of shape (n_samples,), default=None
            Start of each candidate in its recording, in s.
        random_state : int, RandomState instance or None, default=None
            Draws, and breaks ties.
        return_scores : bool, default=False
            Return the scores too.

        Returns
        -------
        positions : ndarray of shape (min(n_instances, n_samples),)
            Distinct positions in X, most wanted first.
        scores : ndarray of shape (min(n_instances, n_samples),)
            The score of each; NaN if the strategy has no scores. Only if `return_scores`.

        Raises
        ------
        ValueError
            If `n_instances` is not a positive integer, or if `groups`, `starts` or `y_labeled` has
            the wrong length.
        UnsupportedStrategyError
            If the classifier lacks a method that the strategy needs.
        """
        self._validate_params()
        rows = as_rows(X)
        labeled = None if X_labeled is None else as_rows(X_labeled)
        _check_query(rows, n_instances, labeled, y_labeled, groups)
        if starts is not None:
            rows = Rows(rows.base, rows.positions, check_starts(starts, len(rows)))
        if not isinstance(learner, Learner):
            check_supported(learner, self.required(), self)
            learner = Learner(learner, needs=self.required())
        n_instances = min(int(n_instances), len(rows))
        positions, scores = np.empty(0, dtype=np.intp), None
        if n_instances:
            answer = self.select(
                learner,
                rows,
                n_instances,
                X_labeled=labeled,
                y_labeled=None if y_labeled is None else np.asarray(y_labeled),
                groups=None if groups is None else np.asarray(groups),
                random_state=check_random_state(random_state),
            )
            positions, scores = _unpack(answer, self)
        positions = check_positions(positions, len(rows), n_instances, self)
        if not return_scores:
            return positions
        return positions, check_scores(scores, len(positions), self)

    @abstractmethod
    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows. Strategies implement this; the arguments are already validated.

        Parameters
        ----------
        learner : Learner
            The window on the classifier.
        X : Rows of length n_samples
            The candidates; never empty. ``np.asarray(X)`` and ``X.take()`` give the rows
            themselves; ``X.starts`` has the start of each in its recording, in s, or is None.
        n_instances : int
            Rows wanted, from 1 to n_samples.
        X_labeled : Rows of length n_labeled or None
            Rows whose labels are known.
        y_labeled : ndarray of shape (n_labeled,) or None
            Their labels.
        groups : ndarray of shape (n_samples,) or None
            Group of each candidate.
        random_state : RandomState instance
            Draws, and breaks ties.

        Returns
        -------
        positions : ndarray of shape (n_instances,)
            Positions in X, most wanted first.
        scores : ndarray of shape (n_instances,) or None
            The score of each.
        """


class ScoreStrategy(QueryStrategy):
    """Base of the strategies that score each candidate and pick the highest scores.

    See Also
    --------
    QueryStrategy : Base of the strategies that pick rows which depend on each other.
    SampleScoreStrategy : Base of the strategies that score samples of the model.

    Examples
    --------
    A strategy that asks for the rows whose probability of one class is nearest to one half:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import ScoreStrategy
    >>> class NearHalf(ScoreStrategy):
    ...     def __init__(self, column=0):
    ...         self.column = column
    ...     def score(self, learner, X, random_state=None):
    ...         return -np.abs(learner.predict_proba(X)[:, self.column] - 0.5)
    >>> model = LogisticRegression().fit([[0.0], [4.0]], ["cat", "dog"])
    >>> NearHalf(column=1).query(model, np.array([[0.0], [1.9], [3.0]]), 2).tolist()
    [1, 2]
    """

    needs = frozenset({"predict_proba"})

    @abstractmethod
    def score(self, learner, X, random_state=None):
        """Score candidates.

        Parameters
        ----------
        learner : Learner
            The window on the classifier.
        X : array-like or sequence of n_samples rows
            The candidates.
        random_state : int, RandomState instance or None, default=None
            For random scores, such as those of dropout passes.

        Returns
        -------
        ndarray of shape (n_samples,)
            Rows with higher scores are asked about first.
        """

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick the rows with the highest scores; see `QueryStrategy.select`."""
        scores = np.asarray(self.score(learner, X, random_state), dtype=float)
        if scores.shape != (len(X),):
            raise ValueError(
                f"{type(self).__name__}.score must return one score for each of the {len(X)} "
                f"rows, not an array of shape {scores.shape}"
            )
        positions = pick_highest(scores, n_instances, random_state)
        return positions, scores[positions]


class FunctionStrategy(QueryStrategy):
    """A function as a strategy."""

    def __init__(self, function):
        self.function = function

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        rows = tags.input_tags  # the function may index them as a matrix
        rows.string = rows.sparse = rows.three_d_array = False
        return tags

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by the function; see `QueryStrategy.select`."""
        positions = self.function(learner, X.take(copy=True), n_instances)
        if isinstance(positions, tuple) and positions and np.ndim(positions[0]):
            raise ValueError(  # functions of modAL return positions and their scores
                f"the strategy function returned a tuple of {len(positions)}; it must return "
                "positions alone"
            )
        return positions, None


def as_strategy(strategy):
    """Return a strategy as it is, or wrap a function."""
    if isinstance(strategy, QueryStrategy):
        return strategy
    if isinstance(strategy, type):
        raise TypeError(
            f"strategy is the class {strategy.__name__}; give an instance: {strategy.__name__}()"
        )
    if callable(strategy):
        return FunctionStrategy(strategy)
    near = _nearest(strategy) if isinstance(strategy, str) else None
    hint = f"; did you mean the object skal.strategies.{near}()?" if near else ""
    raise TypeError(
        "strategy must be a QueryStrategy or a function (learner, X_pool, n_instances) -> "
        f"positions, not {strategy!r}{hint}"
    )


def _nearest(text):
    """Return the name of skal's strategy most similar to a text, or None."""
    found, names = [QueryStrategy], []
    for kind in found:
        found.extend(kind.__subclasses__())
        if kind.__module__.startswith("skal.") and not inspect.isabstract(kind):
            names.append(kind.__name__)
    wanted = "".join(filter(str.isalnum, text)).lower()
    beginning = [name for name in names if wanted and name.lower().startswith(wanted)]
    return min(beginning, key=len) if beginning else nearest(wanted, names)


def _check_query(X, n_instances, X_labeled, y_labeled, groups):
    if isinstance(n_instances, bool) or not isinstance(n_instances, Integral) or n_instances < 1:
        raise ValueError(f"n_instances must be an integer of at least 1, not {n_instances!r}")
    if groups is not None and len(groups) != len(X):
        raise ValueError(f"groups has {len(groups)} entries for {len(X)} candidates")
    if y_labeled is not None and (X_labeled is None or len(y_labeled) != len(X_labeled)):
        n_labeled = 0 if X_labeled is None else len(X_labeled)
        raise ValueError(f"y_labeled has {len(y_labeled)} entries for {n_labeled} labeled rows")


def _unpack(answer, strategy):
    """Split the result of `select` into positions and scores."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(
            f"{type(strategy).__name__}.select must return a tuple (positions, scores), where "
            f"scores may be None, not {answer!r}"
        )
    return answer
