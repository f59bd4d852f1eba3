"""Learner: the interface of strategies and campaigns to a classifier."""

import functools
import math

import numpy as np
from scipy import sparse
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import as_floats
from skal._utils.estimators.ensembles import (
    draw_members,
    expand_columns,
    is_ensemble,
    member_proba,
    silent_member,
)
from skal._utils.estimators.pipelines import Chain, ConstantClassifier
from skal._utils.rows.answer_table import AnswerTable
from skal._utils.rows.lazy import Rows, as_rows, n_rows
from skal._utils.rows.time_statistics import time_statistics
from skal.models.scikeras_methods import with_learner_methods

__all__ = ["Learner", "UnsupportedStrategyError", "check_supported"]

# Rows to transform and predict at a time: enough to keep the processor busy, few enough for the
# features of a block to fit in memory. Short rows come in larger blocks, of about this many
# numbers.
_BLOCK = 4096
_NUMBERS = 2**22

# Rows to pass through unfitted steps, to see the features.
_FEW = 16

_INSTEAD = {
    "predict_proba": "a classifier with predict_proba, such as LogisticRegression (instead of "
    "an SVC: make_pipeline(StandardScaler(), Nystroem(), LogisticRegression())), or "
    "RandomSampling, MaxHerding or TypiClust, which need none",
    "sample_proba": "skal.models.CNNClassifier (dropout passes), or an ensemble such as "
    "BaggingClassifier or RandomForestClassifier (its members, which need predict_proba)",
    "gradient_length": "skal.models.CNNClassifier, or layers='last', which needs "
    "predict_proba and an embedding only",
    "augment": "skal.models.CNNClassifier on spectrograms, or give the strategy its own "
    "augmentation function",
}


class UnsupportedStrategyError(TypeError):
    """A classifier lacks a method that the strategy needs; see `check_supported`."""


def check_supported(estimator, needs, strategy, rows=None, classes=None):
    """Raise an error if a classifier, fitted or not, lacks a method that a strategy needs.

    Parameters
    ----------
    estimator : estimator
        A classifier or a Pipeline that ends in one.
    needs : iterable of str
        Names of `Learner` methods.
    strategy : object
        The strategy, for the message.
    rows : Rows, default=None
        The pool, which allows checking the layers of an unfitted network, and features that
        replace an embedding. None: only check methods, or the fitted network.
    classes : ndarray of shape (n_classes,), default=None
        All classes of the task, for an unfitted network.

    Raises
    ------
    UnsupportedStrategyError
        The message names the strategy, what it needs, and what to use instead.

    See Also
    --------
    Learner : Has the methods.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.svm import SVC
    >>> from skal.learner import check_supported
    >>> from skal.strategies import MarginSampling
    >>> strategy = MarginSampling()
    >>> check_supported(LogisticRegression(), strategy.required(), strategy)
    >>> check_supported(SVC(), strategy.required(), strategy)
    Traceback (most recent call last):
    ...
    skal.learner.UnsupportedStrategyError: MarginSampling needs predict_proba, which SVC does not
    have. Use a classifier with predict_proba, such as LogisticRegression ...
    """
    chain = Chain(estimator)
    model, name = _voice(chain), type(chain.model).__name__
    asker = type(strategy).__name__

    @functools.cache
    def _features():
        if rows is None:
            return None
        # Predict all rows at once if the model gets them unchanged from an array in memory.
        is_plain = not chain.steps and type(rows.base) is np.ndarray
        few = rows if is_plain else rows[:_FEW]
        return chain.try_features(few.take(), 2 if classes is None else len(classes))

    for need in sorted(needs):
        if hasattr(model, "why_not") and hasattr(type(model), need):
            reason = model.why_not(need, _features(), classes)
            if reason is not None:
                raise UnsupportedStrategyError(
                    f"{asker} needs {need}, but {name} does not support it: {reason}"
                )
        elif need == "embed" and not hasattr(model, "embed"):
            if _features() is not None:
                _as_matrix(_features())
        elif not _offers(model, need):
            if is_ensemble(model) and (member := silent_member(model)) is not None:
                name = f"{name} of {type(member).__name__}"
            raise UnsupportedStrategyError(
                f"{asker} needs {need}, which {name} does not have. Use {_INSTEAD[need]}."
            )


def _voice(chain):
    """Return the object with the learner methods of a model, such as a served SciKeras network."""
    return with_learner_methods(chain.answering) or chain.answering


def _offers(model, need):
    """Return whether a model has a method, or will have it after fit."""
    if need == "sample_proba" and is_ensemble(model):
        return silent_member(model) is None
    if need == "predict_proba" and isinstance(model, VotingClassifier):
        return hasattr(model, need) and silent_member(model) is None
    if isinstance(model, StackingClassifier) and model.final_estimator is None:
        model = LogisticRegression()  # the estimator that it is fitted with
    return hasattr(model, need)


def _as_matrix(features):
    """Return rows as a matrix of floating point numbers, the embedding of a plain model."""
    if sparse.issparse(features):
        raise UnsupportedStrategyError(
            "an embedding is needed, but the rows are sparse and the classifier has no embed(). "
            "Put TruncatedSVD in front of the classifier: make_pipeline(TruncatedSVD(100), "
            "classifier)."
        )
    try:
        features = np.asarray(features)
    except ValueError:  # waveforms of different lengths
        features = np.empty((), dtype=object)
    if not np.issubdtype(features.dtype, np.number) and features.dtype != bool:
        raise UnsupportedStrategyError(
            "an embedding is needed, but the rows are not a numeric array (they are paths, or "
            "waveforms of different lengths) and the classifier has no embed(). Put a feature "
            "transformer in front: make_pipeline(LogMelSpectrogram(...), classifier)."
        )
    features = as_floats(features)
    if not np.isfinite(features).all():
        raise UnsupportedStrategyError(
            "an embedding is needed, but the rows have missing or infinite values and the "
            "classifier has no embed(). Fill them in before the classifier: "
            "make_pipeline(SimpleImputer(), classifier)."
        )
    return features.reshape(len(features), -1)


def _blocks(X):
    """Yield rows in blocks of a suitable size."""
    rows = as_rows(X)
    numbers = math.prod(rows.shape[1:])
    size = _BLOCK if rows.ndim < 2 else max(_BLOCK, _NUMBERS // max(numbers, 1))
    yield from rows.blocks(size)


def _joined(parts, axis=0):
    """Concatenate the answers for blocks of rows as floats."""
    parts = [as_floats(part) for part in parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


class Learner:
    """The methods of a fitted classifier that strategies may call.

    Each call goes to the classifier's own method if it has one; in a Pipeline, to the last step,
    after the transformers; otherwise to a substitute: the embedding of a plain scikit-learn model
    is its features, and the samples of an ensemble are its members. The classifier gets the pool
    in blocks. Answers are cached per row, for all subsets of rows. A learner is valid until the
    next fit: make a new learner after every fit.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or a Pipeline that ends in one; for the choice of the first labels see
        `without_model`.
    classes : ndarray of shape (n_classes,), default=None
        All classes of the task, sorted; `predict_proba` has a column for each. None: the classes
        of the fitted classifier.
    needs : iterable of str, default=()
        Names of the methods that will be called. With "embed", probabilities and embeddings come
        from one pass if the classifier has `predict_proba_embed`.

    See Also
    --------
    check_supported : Tells before training whether a classifier has what a strategy needs.
    skal.strategies.QueryStrategy : Calls these methods.

    Examples
    --------
    The embedding of a plain Pipeline is what its last step gets, and the samples of a forest are
    its trees:

    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skal.learner import Learner
    >>> X, y = np.array([[1.0], [2.0], [8.0], [9.0]]), ["cat", "cat", "dog", "dog"]
    >>> model = make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0))
    >>> learner = Learner(model.fit(X, y), classes=np.array(["cat", "dog", "owl"]))
    >>> learner.embed(X).round(2).ravel().tolist()
    [-1.13, -0.85, 0.85, 1.13]
    >>> learner.predict_proba(X).shape  # a column for each class of the task
    (4, 3)
    >>> learner.sample_proba(X, 5, random_state=0).shape
    (5, 4, 3)
    """

    def __init__(self, estimator, classes=None, *, needs=()):
        self.estimator = estimator
        self.classes = classes
        self.needs = frozenset(needs)
        self._chain = Chain(estimator)
        self._model = _voice(self._chain)
        self._steps = self._chain.steps
        self._scaler = None
        self._pool = None  # if steps must be fitted first, without labels
        self._tables = {}

    @classmethod
    def without_model(cls, estimator, X, constant=None, classes=None):
        """Make a learner for an untrained classifier.

        Its embedding is the features. They come from the steps of a Pipeline that need no labels,
        which are cloned and fitted on X when needed.

        Parameters
        ----------
        estimator : estimator
            The unfitted classifier.
        X : array-like or sequence
            All rows.
        constant : estimator, default=None
            Predictor while all labels have the same class. None: all methods but `embed` raise
            NotFittedError.
        classes : ndarray of shape (n_classes,), default=None
            All classes of the task, sorted.

        Returns
        -------
        Learner
        """
        learner = cls(estimator, classes)
        learner._model = constant
        learner._pool = X
        return learner

    @property
    def classes_(self):
        """All classes of the task, in the order of the columns of `predict_proba`."""
        if self.classes is not None:
            return self.classes
        self._check_fitted("classes_")
        return self._model.classes_

    def predict_proba(self, X):
        """Predict the probability of every class.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Read-only if it is cached.
        """
        self._check_fitted("predict_proba")
        return self._answer("predict_proba", X, jointly="embed" in self.needs)

    def embed(self, X):
        """Embed rows: activations of the network's last hidden layer, or a substitute.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_dimensions)
            Read-only if it is cached.
        """
        return self._answer("embed", X, jointly=True)

    def sample_proba(self, X, n_samples, random_state=None):
        """Predict with several samples of the model: dropout passes or ensemble members.

        Parameters
        ----------
        X : array-like or sequence of n_rows rows
            The rows.
        n_samples : int
            Number of samples. An ensemble draws members without replacement, and has at most as
            many samples as members.
        random_state : int, RandomState instance or None, default=None
            Draws the dropout masks or the members.

        Returns
        -------
        ndarray of shape (n_samples, n_rows, n_classes)
        """
        self._check_fitted("sample_proba")
        rng = check_random_state(random_state)
        model = self._model
        if hasattr(model, "sample_proba"):
            seed = rng.randint(np.iinfo(np.int32).max)

            def _ask(block):
                # Use one seed for all blocks: a sample is one model for all rows.
                return self._expand(model.sample_proba(block, n_samples, random_state=seed))

        elif is_ensemble(model):
            members = draw_members(model, n_samples, rng)

            def _ask(block):
                return np.stack([member_proba(model, m, block, self.classes_) for m in members])

        else:
            check_supported(self.estimator, ["sample_proba"], self)
        return self._concatenate(_ask, X, axis=1)

    def gradient_length(self, X):
        """Compute the expected gradient length over all weights of the network.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        self._check_fitted("gradient_length")
        if not isinstance(self._model, ConstantClassifier):
            check_supported(self.estimator, ["gradient_length"], self)
        return self._concatenate(self._model.gradient_length, X)

    def augment_proba(self, X, n_copies, random_state=None, *, augment=None):
        """Predict the probabilities of augmented copies of every row.

        The classifier's ``augment`` copies transformed rows, as in its training, so that the
        transformers of a Pipeline run once. A given function copies rows before the transformers.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.
        n_copies : int
            Copies of each row.
        random_state : int, RandomState instance or None, default=None
            Draws the augmentation.
        augment : callable, default=None
            ``augment(X, random_state)`` returns changed copies of rows of X. None: the
            classifier's ``augment``.

        Returns
        -------
        ndarray of shape (n_copies, n_samples, n_classes)
        """
        self._check_fitted("augment")
        rng = check_random_state(random_state)
        model = self._model
        if augment is None and not isinstance(model, ConstantClassifier):
            check_supported(self.estimator, ["augment"], self)

        def _ask(block):
            rows = self._features(block) if augment is None else block.take()
            answers = []
            for _ in range(n_copies):  # one by one, since copies of a block are large
                if augment is None:
                    copy = model.augment(rows, random_state=rng)
                else:
                    copy = self._for_model(augment(rows, rng))
                answers.append(self._expand(model.predict_proba(copy)))
            return np.stack(answers)

        return np.concatenate([_ask(block) for block in _blocks(X)], axis=1)

    def _check_fitted(self, what):
        if self._model is None:
            raise NotFittedError(
                f"{what} needs a trained model, but there are no labels yet. Choose the first "
                "labels with RandomSampling, MaxHerding, TypiClust or CoreSet."
            )

    def _answer(self, kind, X, jointly):
        """Answer from the cache, computing only missing rows."""
        rows = as_rows(X)
        if len(rows) == 0:
            return np.empty((0, len(self.classes_) if kind == "predict_proba" else 0))
        kinds, compute = (kind,), self._proba if kind == "predict_proba" else self._embed
        if jointly and hasattr(self._model, "predict_proba_embed"):
            kinds, compute = ("predict_proba", "embed"), self._joint
        tables = {each: self._table(each, rows.base) for each in kinds}
        missing = tables[kinds[-1]].missing(rows.positions)
        if len(missing):
            for each, values in zip(kinds, compute(Rows(rows.base, missing)), strict=True):
                tables[each].add(missing, values)
        return tables[kind].get(rows.positions)

    def _table(self, kind, base):
        key = (kind, id(base))
        if key not in self._tables:
            self._tables[key] = AnswerTable(base)  # keeps base alive, so that its id is not reused
        return self._tables[key]

    def _features(self, rows):
        return self._for_model(rows.take())

    def _for_model(self, rows):
        """Pass rows through the steps, unless the predictor ignores rows."""
        return rows if isinstance(self._model, ConstantClassifier) else self._transform(rows)

    def _transform(self, rows):
        if self._pool is not None:
            pool, self._pool = as_rows(self._pool).take(), None
            self._steps = self._chain.label_free_steps(pool)
        for step in self._steps:
            rows = step.transform(rows)
        return rows

    def _expand(self, probabilities):
        """Expand the last axis to all classes of the task; unseen classes get 0."""
        return expand_columns(as_floats(probabilities), self._model.classes_, self.classes_)

    def _concatenate(self, ask, X, axis=0):
        """Compute answers in blocks, which limits memory for features and copies."""
        return _joined([ask(self._features(block)) for block in _blocks(X)], axis)

    def _proba(self, rows):
        return [self._expand(self._concatenate(self._model.predict_proba, rows))]

    def _embed(self, rows):
        embed = getattr(self._model, "embed", self._stand_in)
        embedding = _joined([embed(self._transform(b.take())) for b in _blocks(rows)])
        if self._scaler is not None:
            # Scale by the rows of the first call, which are the pool.
            if not hasattr(self._scaler, "mean_"):
                self._scaler.fit(embedding)
            embedding = self._scaler.transform(embedding)
        return [embedding]

    def _stand_in(self, features):
        """Embed rows without a model: spectrograms by time statistics, other rows unchanged."""
        if getattr(features, "ndim", 0) not in (4, 5):
            return self._matrix_or_ties(features)
        if self._scaler is None:
            self._scaler = StandardScaler()
        return time_statistics(features)

    def _matrix_or_ties(self, features):
        """Return features, or constant rows if steps that need labels come before them."""
        cut = self._chain.steps[len(self._steps) :]
        try:
            return _as_matrix(features)
        except UnsupportedStrategyError:
            if not cut:
                raise
        if self._model is not None:
            return np.zeros((n_rows(features), 1))
        raise UnsupportedStrategyError(
            f"the first rows are chosen by embedding, but {type(cut[0]).__name__} needs labels "
            "to transform rows. Draw the first rows at random "
            "(initial_strategy=None), or give labels of some rows to fit."
        )

    def _joint(self, rows):
        parts = [self._model.predict_proba_embed(self._features(block)) for block in _blocks(rows)]
        probabilities, embeddings = zip(*parts, strict=True)
        return self._expand(_joined(probabilities)), _joined(embeddings)
