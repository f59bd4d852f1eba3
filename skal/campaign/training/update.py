"""Initial weights of a round's training: new weights, or those of the last round."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import BaseEnsemble, HistGradientBoostingClassifier

from skal._utils.estimators.pipelines import Chain
from skal._utils.private import Interval
from skal.campaign.training.fit import start_anew

__all__ = ["Finetune", "Retrain", "ShrinkPerturb", "as_update"]


class _Update(BaseEstimator):
    """Base of Retrain, Finetune, and ShrinkPerturb."""

    _parameter_constraints = {"pre_train": ["boolean"]}

    def __init__(self, pre_train=True):
        self.pre_train = pre_train

    def check(self, model):
        """Raise an error if a classifier does not support this update.

        Parameters
        ----------
        model : estimator
            The classifier.

        Raises
        ------
        TypeError
            If it lacks a parameter or method that the update needs.
        """
        if not self.pre_train and Chain(model).parameter("pretrained") is None:
            raise TypeError(
                f"update={type(self).__name__}(pre_train=False) needs a classifier that starts "
                "from saved weights: CNNClassifier(pretrained=...)"
            )

    def first_parameters(self):
        """Return the parameters that differ in the first training: none, or no steps."""
        return {} if self.pre_train else {"steps": 0, "epochs": None}


class Retrain(_Update):
    """Train from scratch in every round, even if the classifier has ``warm_start=True``.

    Parameters
    ----------
    pre_train : bool, default=True
        Train on the first labels. False: the unchanged pretrained model is the model of round 0.

    See Also
    --------
    Finetune : Continues from the weights of the last round.
    ShrinkPerturb : Continues from shrunk and perturbed weights.

    Examples
    --------
    ``update="retrain"``, the default, is ``Retrain()``. The object is for a classifier that starts
    from saved weights, and predicts before it is trained:

    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import Retrain
    >>> from skal.models import CNNClassifier
    >>> campaign = ActiveLearningClassifier(
    ...     CNNClassifier(pretrained="model.skal"), update=Retrain(pre_train=False)
    ... )
    >>> campaign.get_params()["update__pre_train"]
    False
    """

    def prepare(self, model, y):
        """Make the next ``fit`` start from scratch; see `Finetune.prepare`."""
        start_anew(Chain(model))
        return None


class Finetune(_Update):
    """Continue training the model of the last round.

    Works with classifiers that can continue training, by ``warm_start`` or else by
    ``partial_fit``, such as linear models, `MLPClassifier`, skal's and SciKeras's networks.
    Ensembles are refused, because the warm start of forests, bagging and boosting only adds
    members without changing the old ones.

    When a class gets its first label, the round trains from scratch, except for networks that know
    all classes in advance; ``from_scratch`` in the record says which.

    Parameters
    ----------
    pre_train : bool, default=True
        Train on the first labels; see :class:`Retrain`.

    See Also
    --------
    Retrain : Trains from scratch in every round.
    ShrinkPerturb : Shrinks the weights first, and adds noise.
    Replay : Which old labels a round trains on.

    Notes
    -----
    ``partial_fit`` gets all labels of the round again. Models that count rows, such as
    `GaussianNB`, should get each label once: ``replay="none"`` trains on the new labels only.

    Examples
    --------
    The record tells which trainings started from scratch:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import Finetune
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500), update=Finetune(),
    ...     n_initial=20, budget=60, random_state=0,
    ... ).fit(X, y)
    >>> [record["from_scratch"] for record in campaign.history_]
    [True, False, False]
    """

    def check(self, model):
        """Raise an error if a classifier does not support this update.

        Parameters
        ----------
        model : estimator
            The classifier.

        Raises
        ------
        TypeError
            If it cannot continue training.
        """
        super().check(model)
        chain = Chain(model)
        name = type(chain.model).__name__
        if _adds_members(chain):
            raise TypeError(
                f"update={type(self).__name__}() cannot be used with {name}: its warm start only "
                "adds members without changing the old ones. Use update='retrain', or a "
                "classifier that can continue training: CNNClassifier, LogisticRegression, "
                "SGDClassifier, MLPClassifier"
            )
        if _way_on(chain) is None:
            raise TypeError(
                f"update={type(self).__name__}() needs a classifier with warm_start or "
                f"partial_fit that continues training, but {name} has neither; use "
                "update='retrain'"
            )

    def prepare(self, model, y):
        """Prepare a trained classifier to continue from its weights.

        Parameters
        ----------
        model : estimator
            Trained in an earlier round; changed in place.
        y : ndarray of shape (n_samples,)
            Labels of the next training.

        Returns
        -------
        {"warm_start", "partial_fit"} or None
            How training continues. None: it starts from scratch, because the classes have changed.
        """
        chain = Chain(model)
        way = _way_on(chain)
        if not _fits_classes(chain, way, np.unique(y)):
            start_anew(chain)
            return None
        if way == "warm_start":
            chain.model.set_params(warm_start=True)
        return way


def _adds_members(chain):
    """Return whether a warm start of the model adds members instead of training on."""
    kinds = (BaseEnsemble, HistGradientBoostingClassifier)
    # Boosting libraries with scikit-learn's interface count their trees the same way.
    return isinstance(chain.model, kinds) or chain.has_parameter("n_estimators")


def _way_on(chain):
    if type(chain.model).__module__.startswith("keras."):
        return None  # Keras's SKLearnClassifier has warm_start, but ignores it
    if chain.has_parameter("warm_start"):
        return "warm_start"
    return "partial_fit" if hasattr(chain.model, "partial_fit") else None


def _fits_classes(chain, way, classes):
    """Return whether a trained model can continue with labels of these classes."""
    if chain.has_parameter("classes"):
        return True
    known = chain.model.classes_
    if way == "partial_fit":
        return bool(np.isin(classes, known).all())
    return np.array_equal(known, classes)


class ShrinkPerturb(Finetune):
    """Shrink the weights of the last round towards zero, add noise, then continue training.

    Parameters
    ----------
    shrink : float, default=0.5
        Factor of the weights.
    noise : float, default=0.01
        Scale of the noise: the factor of newly drawn weights that are added.
    pre_train : bool, default=True
        Train on the first labels; see :class:`Retrain`.

    See Also
    --------
    Finetune : Continues from unchanged weights.
    Retrain : Trains from scratch in every round.

    References
    ----------
    Ash and Adams, "On warm-starting neural network training", NeurIPS 2020, section 4.

    Examples
    --------
    A grid search may set the parameters through the campaign:

    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import ShrinkPerturb
    >>> from skal.models import CNNClassifier
    >>> campaign = ActiveLearningClassifier(CNNClassifier(), update=ShrinkPerturb(shrink=0.4))
    >>> campaign.set_params(update__noise=0.05).update
    ShrinkPerturb(noise=0.05, shrink=0.4)
    >>> campaign.update.check(campaign.estimator)

    Classifiers without weights to shrink are refused:

    >>> from sklearn.linear_model import LogisticRegression
    >>> campaign.update.check(LogisticRegression())
    Traceback (most recent call last):
    ...
    TypeError: update='shrink_perturb' needs a network such as skal.models.CNNClassifier, ...
    """

    _parameter_constraints = {
        **_Update._parameter_constraints,
        "shrink": [Interval(Real, 0, 1, closed="both")],
        "noise": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, shrink=0.5, noise=0.01, pre_train=True):
        super().__init__(pre_train)
        self.shrink = shrink
        self.noise = noise

    def check(self, model):
        """Raise an error if a classifier does not support this update; see `Finetune.check`.

        Parameters
        ----------
        model : estimator
            The classifier.
        """
        super().check(model)
        inner = Chain(model).model
        if not hasattr(inner, "shrink_perturb"):
            raise TypeError(
                "update='shrink_perturb' needs a network such as skal.models.CNNClassifier, not "
                f"{type(inner).__name__}; use update='retrain'"
            )

    def prepare(self, model, y):
        """Shrink and perturb the weights; see `Finetune.prepare`.

        Parameters
        ----------
        model : estimator
            Trained in an earlier round; changed in place.
        y : ndarray of shape (n_samples,)
            Labels of the next training.

        Returns
        -------
        {"warm_start"} or None
            As in `Finetune.prepare`.
        """
        way = super().prepare(model, y)
        if way is not None:
            Chain(model).model.shrink_perturb(self.shrink, self.noise)
        return way


_BY_NAME = {"retrain": Retrain, "finetune": Finetune, "shrink_perturb": ShrinkPerturb}


def as_update(update):
    """Return an update object for its name, or the object itself."""
    return _BY_NAME[update]() if isinstance(update, str) else update
