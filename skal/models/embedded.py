"""The classifier after an embedding: small, fast, and calibrated."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, OneToOneFeatureMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skal._utils.private import Interval, _check_sample_weight, _fit_context

__all__ = ["ActivationRoot", "LogisticHead", "make_embedding_classifier"]

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
    strength : float, default=400.0
        Inverse weight of the penalty. The default was the better of 100 and 400 on rows that no
        test uses; values near it change little.
    warm_start : bool, default=False
        Start from the last coefficients if the classes are the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of features.
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
        "strength": [Interval(Real, 0, None, closed="neither")],
        "warm_start": ["boolean"],
    }

    def __init__(self, strength=400.0, *, warm_start=False):
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
        total = X.shape[0]
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
            total = max(sample_weight.sum(), np.finfo(float).tiny)
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = LogisticRegression(max_iter=_MAX_ITER, warm_start=self.warm_start)
        self.model_.set_params(C=float(self.strength * X.shape[1] / total))
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


def make_embedding_classifier(strength=400.0):
    """Make the classifier that skal uses after an embedding.

    Rows whose numbers cannot be negative are replaced by their square roots. Then rows are scaled
    to length 1, centered by the mean of the labeled rows, and scaled to length 1 again: sounds
    differ only in a small part of an embedding, and its direction says more than its size.
    `LogisticHead` learns from these rows.

    It was chosen on folds of ESC-10 and speakers of FSDD that no test uses. With 20 labels of
    ESC-10, its accuracy was .77 and its log loss .89; logistic regression on standardized rows had
    .68 and 1.12. The square roots were chosen in the same way: with 240 labels of ESC-10 and BirdNET,
    they raise the accuracy from .933 to .940 and lower the log loss from .21 to .18; with 20 labels
    they change little. The user guide has the table and the calibration.

    Parameters
    ----------
    strength : float, default=400.0
        Inverse weight of the penalty; see `LogisticHead`.

    Returns
    -------
    Pipeline
        Not fitted; it takes rows of numbers.

    See Also
    --------
    skal.audio.PretrainedEmbedding : Computes the rows.

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
