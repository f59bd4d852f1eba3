"""Predictions of a campaign, by its last model or the model of each round."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._utils.estimators.ensembles import expand_columns
from skal._utils.estimators.pipelines import Chain, ask, thaw
from skal._utils.rows.containers import n_rows
from skal.campaign.inputs import check_rows


def _model_has(name):
    def check(self):
        estimator = getattr(self, "estimator_", self.estimator)
        getattr(estimator, name)  # its AttributeError says which estimator lacks the method
        return True

    return check


class PredictionMixin:
    """Mixin of `ActiveLearningClassifier` with its predictions."""

    @available_if(_model_has("predict"))
    def predict(self, X):
        """Predict classes.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        X = self._check_X(X)
        return ask(self.estimator_, "predict", X)

    @available_if(_model_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probability of every class.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each of `classes_`, including classes without labels.
        """
        X = self._check_X(X)
        return self._columns(self.estimator_, X)

    def staged_predict(self, X):
        """Predict with the model of each round; needs ``store_rounds=True``.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Yields
        ------
        ndarray of shape (n_samples,)
            Predictions of round 0, 1, and so on.
        """
        for model, features in self._stages(X):
            yield model.predict(features)

    def staged_predict_proba(self, X):
        """Predict probabilities with the model of each round; needs ``store_rounds=True``.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Yields
        ------
        ndarray of shape (n_samples, n_classes)
            Probabilities of round 0, 1, and so on.
        """
        for model, features in self._stages(X):
            yield self._columns(model, features)

    def _stages(self, X):
        X = self._check_X(X)
        if len(self._rounds.snapshots) != len(self.history_):
            raise ValueError("the models of past rounds were not kept: fit with store_rounds=True")
        return thaw(self._rounds.snapshots, self._rounds.model, X)

    def _check_X(self, X):
        self._check_model()
        return check_rows(self, X, reset=False)

    def _check_model(self):
        """Raise an error if no model is trained, which says why there are no labels."""
        check_is_fitted(self, "history_")
        if hasattr(self, "estimator_"):
            return
        n_asked = self._rounds.state.n_untold
        if n_asked == 0:
            raise NotFittedError(
                "no model is trained, because no row of X has a label yet: label the rows that "
                "query() returns, and teach() them"
            )
        raise NotFittedError(
            f"no model is trained, because no row of X has a label: {n_asked} rows were asked "
            f'about, but all answers were {self.unlabeled!r} or missing, which means "cannot tell"'
        )

    def _columns(self, estimator, X):
        fitted = Chain(estimator).answering.classes_
        # SciKeras drops the axis of a single row.
        proba = np.reshape(ask(estimator, "predict_proba", X), (n_rows(X), -1))
        return expand_columns(proba, fitted, self.classes_)
