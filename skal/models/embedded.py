"""The classifier after an embedding: small, fast, and calibrated."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, OneToOneFeatureMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skal._utils.private import Interval, StrOptions, _check_sample_weight, _fit_context

__all__ = ["ActivationRoot", "LogisticHead", "make_embedding_classifier"]

# Strengths to choose from, and the one where labels cannot tell.
_STRENGTHS, _USUAL = (4.0, 40.0, 400.0), 400.0
# Folds, rows and classes of the choice: it must take a fraction of a second.
_FOLDS, _ROWS, _CLASSES = 5, 300, 50

# Enough for a hundred thousand rows; training ends where the loss no longer falls.
_MAX_ITER = 1000


class LogisticHead(ClassifierMixin, BaseEstimator):
    """Logistic regression with a penalty of equal weight for few labels and for many.

    scikit-learn adds the losses of all rows to the penalty, so with a fixed C the penalty matters
    fifty times less with a thousand labels than with twenty. Here C is ``strength * n_features /
    n_samples``: the penalty is weighed against the mean loss, and the number of features of rows
    of length 1 does not matter.

    Parameters
    ----------
    strength : "auto" or float, default="auto"
        Inverse weight of the penalty. "auto": 4, 40 or 400, whichever has the lowest log loss in
        a cross-validation on the labels, of up to five folds and on up to 300 rows. A class with a
        single label is never held out. With such classes only, or with more than 50 classes, it is
        400.
    warm_start : bool, default=False
        Start from the last coefficients if the classes are the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of features.
    strength_ : float
        The strength in use.
    model_ : LogisticRegression
        The fitted model, with the C computed for the rows.

    See Also
    --------
    make_embedding_classifier : This classifier after scaling rows to length 1.

    Examples
    --------
    >>> from skal.models import LogisticHead
    >>> head = LogisticHead(strength=10).fit([[0.0], [0.2], [0.8], [1.0]], [0, 0, 1, 1])
    >>> head.model_.C, head.predict([[0.9]]).tolist()
    (2.5, [1])
    """

    _parameter_constraints = {
        "strength": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "warm_start": ["boolean"],
    }

    def __init__(self, strength="auto", *, warm_start=False):
        self.strength = strength
        self.warm_start = warm_start

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; only their proportions matter.

        Returns
        -------
        LogisticHead
            The fitted classifier.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C"
        )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = LogisticRegression(max_iter=_MAX_ITER, warm_start=self.warm_start)
        self.strength_ = self.strength
        if self.strength == "auto":
            self.strength_ = _choose_strength(X, y, sample_weight)
        self.model_.set_params(C=_penalty(self.strength_, X, sample_weight))
        self.model_.fit(X, y, sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        X = self._checked(X)
        return self.model_.predict_proba(X)

    def decision_function(self, X):
        """Return the scores from which the probabilities are computed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) with two classes
        """
        X = self._checked(X)
        return self.model_.decision_function(X)

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        X = self._checked(X)
        return self.model_.predict(X)

    def _checked(self, X):
        check_is_fitted(self)
        return validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _penalty(strength, X, weights):
    """Return scikit-learn's C, which weighs the sum of the losses."""
    total = X.shape[0] if weights is None else max(weights.sum(), np.finfo(float).tiny)
    return float(strength * X.shape[1] / total)


def _choose_strength(X, y, weights):
    """Return the strength with the lowest log loss in a cross-validation."""
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) > _CLASSES:
        return _USUAL
    # Sort by class, then take evenly spaced rows: all classes have their share, without a draw.
    rows = np.argsort(codes, kind="stable")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _ROWS).round().astype(int))]
    X, codes = X[rows], codes[rows]
    weights = None if weights is None else weights[rows]
    counts = np.bincount(codes)
    held = np.flatnonzero(counts[codes] > 1)
    if len(held) == 0:
        return _USUAL
    splits = StratifiedKFold(min(_FOLDS, counts[counts > 1].min())).split(held, codes[held])
    losses = np.zeros(len(_STRENGTHS))
    for _, test in splits:
        train, test = np.setdiff1d(np.arange(len(codes)), held[test]), held[test]
        losses += _losses(X, codes, weights, train, test)
    return _STRENGTHS[losses.argmin()]


def _losses(X, codes, weights, train, test):
    """Return the summed log loss of some rows for each strength."""
    own = None if weights is None else weights[train]
    others = 1.0 if weights is None else weights[test]
    X_train, X_test = X[train], X[test]
    penalties = [_penalty(strength, X_train, own) for strength in _STRENGTHS]
    X_train, X_test = _rotated(X_train, X_test)
    model, losses = LogisticRegression(max_iter=_MAX_ITER, warm_start=True), []
    for penalty in penalties:
        model.set_params(C=penalty)
        proba = model.fit(X_train, codes[train], own).predict_proba(X_test)
        held = proba[np.arange(len(test)), np.searchsorted(model.classes_, codes[test])]
        losses.append(-(others * np.log(np.maximum(held, np.finfo(proba.dtype).tiny))).sum())
    return np.array(losses)


def _rotated(X_train, X_test):
    """Express rows in the space of the training rows: with few rows, fits are much faster."""
    # The penalty does not change under a rotation, and the rest of the space has no weights.
    if sparse.issparse(X_train) or X_train.shape[0] >= X_train.shape[1]:
        return X_train, X_test
    basis = np.linalg.qr(X_train.T)[0]
    return X_train @ basis, X_test @ basis


class ActivationRoot(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Take square roots of rows, unless the embedding has negative numbers.

    Outputs of rectified units are like counts: a few large ones hide the many small ones. Their
    square roots are compared by the Hellinger kernel. Numbers with two signs are left as they are.

    Attributes
    ----------
    is_rectified_ : bool
        Whether no number of the rows given to `fit` is negative.
    n_features_in_ : int
        Number of features.

    See Also
    --------
    make_embedding_classifier : Begins with this transformer.

    References
    ----------
    Arandjelovic and Zisserman, "Three things everyone should know to improve object retrieval",
    CVPR 2012, section 3.

    Examples
    --------
    >>> from skal.models import ActivationRoot
    >>> ActivationRoot().fit_transform([[0.0, 4.0], [1.0, 9.0]]).tolist()
    [[0.0, 2.0], [1.0, 3.0]]
    >>> ActivationRoot().fit_transform([[0.0, -4.0]]).tolist()
    [[0.0, -4.0]]
    """

    def fit(self, X, y=None):
        """Look for negative numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.

        Returns
        -------
        ActivationRoot
            The object itself.
        """
        if len(getattr(X, "shape", ())) > 2:
            raise ValueError(
                f"rows have the shape {X.shape[1:]}, several windows for each recording: pool "
                'them with pool="mean", "max" or "mean_max" of the embedding'
            )
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        self.is_rectified_ = bool(X.min() >= 0)
        return self

    def transform(self, X):
        """Take the square roots.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. A negative number counts as 0 if the rows given to `fit` have none.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return np.sqrt(np.maximum(X, 0)) if self.is_rectified_ else X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def make_embedding_classifier(strength="auto"):
    """Make the classifier that skal uses after an embedding.

    Rows whose numbers cannot be negative are replaced by their square roots. Then rows are scaled
    to length 1, centered by the mean of the labeled rows, and scaled to length 1 again: sounds
    differ only in a small part of an embedding, and its direction says more than its size.
    `LogisticHead` learns from these rows.

    It was chosen on folds of ESC-10 and speakers of FSDD that no test uses. With 20 labels of
    ESC-10, its accuracy was .77 and its log loss .89; logistic regression on standardized rows had
    .68 and 1.12. The square roots were chosen in the same way: with 240 labels of ESC-10 and
    BirdNET, they raise the accuracy from .933 to .940 and lower the log loss from .21 to .18; with
    20 labels they change little. The user guide has the table and the calibration.

    Parameters
    ----------
    strength : "auto" or float, default="auto"
        Inverse weight of the penalty; see `LogisticHead`.

    Returns
    -------
    Pipeline
        Not fitted; it takes rows of numbers.

    See Also
    --------
    LogisticHead : Its last step.
    skal.audio.PretrainedEmbedding : Makes the embeddings.
    CNNClassifier : Trains a network instead.

    Examples
    --------
    >>> from skal.models import make_embedding_classifier
    >>> make_embedding_classifier().fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"]).classes_.tolist()
    ['a', 'b']
    """
    center = StandardScaler(with_std=False)
    return make_pipeline(
        ActivationRoot(), Normalizer(), center, Normalizer(), LogisticHead(strength)
    )
