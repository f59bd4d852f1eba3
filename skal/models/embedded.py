"""The classifier behind an embedding: small, trained in a second, its probabilities usable."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

__all__ = ["LogisticHead", "make_embedding_classifier"]

# Enough for a hundred thousand rows; training ends where the loss no longer falls.
_MAX_ITER = 1000


class LogisticHead(ClassifierMixin, BaseEstimator):
    """Logistic regression whose penalty weighs the same with few labels and with many.

    scikit-learn adds the losses of all rows to the penalty, so that a fixed C trusts a thousand
    labels fifty times as much as twenty. Here C is ``strength * n_features / n_samples``: the
    mean loss counts, and the number of features of rows of length 1 does not matter.

    Parameters
    ----------
    strength : float, default=400.0
        Inverse weight of the penalty. The default is the better one of 100 and 400 on rows that
        nothing is tested on; in between and around it little changes.
    warm_start : bool, default=False
        Go on from the last coefficients, where the classes are the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Features of a row.
    model_ : LogisticRegression
        Fitted, with the C that follows from the rows.

    See Also
    --------
    make_embedding_classifier : It, behind rows of length 1.

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
            Itself.
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
        """Return the scores that the probabilities are made of.

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


def make_embedding_classifier(strength=400.0):
    """Make the classifier that skal puts behind an embedding.

    Rows are brought to length 1, the mean of the labeled ones is taken off, and they are brought
    to length 1 again: what differs between sounds is a small part of an embedding, and its
    direction says more than its size. `LogisticHead` learns from that.

    Chosen on folds of ESC-10 and speakers of FSDD that nothing is tested on. With 20 labels of
    ESC-10 it was right .77 of the time, its log loss .89; logistic regression on standardized
    rows .68 and 1.12. The user guide has the table, and how well its probabilities are meant.

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
    skal.audio.PretrainedEmbedding : What makes the rows.

    Examples
    --------
    >>> from skal.models import make_embedding_classifier
    >>> make_embedding_classifier().fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"]).classes_.tolist()
    ['a', 'b']
    """
    center = StandardScaler(with_std=False)
    return make_pipeline(Normalizer(), center, Normalizer(), LogisticHead(strength))
