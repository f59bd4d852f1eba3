"""Predictions of a fitted network: probabilities, embeddings, samples, and gradient lengths."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

__all__ = ["Predictions"]

_NO_AUGMENTATION = (
    "augment needs an augmentation, but the classifier has none: set "
    "augmentation=SpectrogramAugmentation()"
)


def _augments(self):
    return self.augmentation is not None


class Predictions:
    """Mixin with the predictions of a network, computed block by block."""

    # Subclasses implement ``_validate(X)``, which checks and reshapes samples,
    # ``_ready_engine()``, and ``_build_for(X, n_classes)``, which returns the network that a fit
    # would train.

    def why_not(self, method, X=None, classes=None):
        """Return why the classifier does not support a method, without training it.

        Parameters
        ----------
        method : str
            Name of a method, such as ``"sample_proba"``.
        X : array-like of shape (n_samples, ...), default=None
            Samples like those of the next `fit`; a single one is enough. The network is built for
            them and discarded. None: use the fitted network.
        classes : array-like of shape (n_classes,), default=None
            All classes of the next `fit`; None: ``self.classes``, or two classes.

        Returns
        -------
        str or None
            The reason, with what to change. None if it can, or if that depends on X.
        """
        if not hasattr(self, method):
            missing = f"{type(self).__name__} has no {method}"
            return _NO_AUGMENTATION if method == "augment" else missing
        if method != "sample_proba" or (X is None and not self.__sklearn_is_fitted__()):
            return None
        from skal.models.engine.prediction.dropout import NO_DROPOUT, has_dropout

        if X is None:
            model = self._ready_engine().model
        else:
            known = self.classes if classes is None else classes
            model = self._build_for(np.asarray(X), 2 if known is None else len(known))
        return None if has_dropout(model) else NO_DROPOUT

    def predict(self, X):
        """Predict the most probable class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples; memory-mapped arrays are read batch by batch.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes.
        """
        winners = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[winners]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, a column for each of ``classes_``.
        """
        return self.predict_proba_embed(X)[0]

    def embed(self, X):
        """Compute the activations before the last layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_embedding)
            Embeddings.
        """
        return self.predict_proba_embed(X)[1]

    def predict_proba_embed(self, X):
        """Compute probabilities and embeddings in one pass.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes)
            Probabilities.
        Z : ndarray of shape (n_samples, n_embedding)
            Embeddings.
        """
        X = self._validate(X)
        return tuple(self._ready_engine().forward(X))

    def sample_proba(self, X, n_samples, random_state=None):
        """Predict probabilities with dropout, in several passes.

        Each pass is one model: it drops the same activations for all samples. Dropout and its
        spatial variants, Gaussian and alpha dropout, and dropout of recurrent layers are active;
        ``GaussianNoise`` and everything else is as in prediction.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        n_samples : int
            Number of passes.
        random_state : int, RandomState instance or None, default=None
            Source of the dropout. The same seed gives the same passes for all samples.

        Returns
        -------
        ndarray of shape (n_passes, n_samples, n_classes)
            Probabilities of each pass.

        Raises
        ------
        ValueError
            If the network has no dropout.

        References
        ----------
        Gal and Ghahramani, Dropout as a Bayesian approximation, ICML 2016, section 4.
        """
        X = self._validate(X)
        return self._ready_engine().sampling(X, n_samples, check_random_state(random_state))

    def gradient_length(self, X):
        """Compute the expected length of the loss gradient over all trainable weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Sum over the classes of probability times L2 norm of the gradient.

        References
        ----------
        Settles, Active learning literature survey, section 3.3.
        """
        X = self._validate(X)
        return self._ready_engine().gradient_length(X)

    @available_if(_augments)
    def augment(self, X, random_state=None):
        """Make one augmented copy of each sample, without mixing samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples.
        random_state : int, RandomState instance or None, default=None
            Source of the augmentation.

        Returns
        -------
        ndarray of the shape and type of X
            Augmented samples.
        """
        given = np.asarray(X)
        X = self._validate(X)
        seed = check_random_state(random_state).randint(2**31 - 1)
        scale = np.sqrt(self._variance)
        changed = self._ready_engine().distortion(X, seed, self._mean, scale)
        return changed.reshape(given.shape).astype(given.dtype, copy=False)
