"""How a round's training begins: from nothing, or from the weights of the last round."""

from numbers import Real

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from skal.learner import final_model

__all__ = ["Finetune", "Retrain", "ShrinkPerturb", "as_update"]


class _Update(BaseEstimator):
    """Base of the ways to begin a round's training."""

    _parameter_constraints = {"pre_train": ["boolean"]}

    def __init__(self, pre_train=True):
        self.pre_train = pre_train

    def check(self, model):
        """Raise an error if a classifier cannot be updated so.

        Parameters
        ----------
        model : estimator
            The classifier.

        Raises
        ------
        TypeError
            If it lacks what the update needs.
        """
        pretrained = final_model(model).get_params(deep=False).get("pretrained")
        if not self.pre_train and pretrained is None:
            raise TypeError(
                f"update={type(self).__name__}(pre_train=False) needs a classifier that starts "
                "from saved weights: CNNClassifier(pretrained=...)"
            )

    def first_parameters(self):
        """Return the parameters that differ in the first training: none, or no steps."""
        return {} if self.pre_train else {"steps": 0, "epochs": None}


class Retrain(_Update):
    """Train from scratch in every round; generalizes best.

    Parameters
    ----------
    pre_train : bool, default=True
        Train on the first labels. With False, the model before round 1 is the pretrained one as
        it is, which chooses and is scored.
    """

    def prepare(self, estimator):
        """Leave the classifier as it is, its ``fit`` starts anew; see `Finetune.prepare`."""


class Finetune(_Update):
    """Go on training the model of the last round, through its ``warm_start``.

    Parameters
    ----------
    pre_train : bool, default=True
        Train on the first labels; see :class:`Retrain`.
    """

    def check(self, model):
        """Raise an error if a classifier cannot be updated so.

        Parameters
        ----------
        model : estimator
            The classifier.

        Raises
        ------
        TypeError
            If it has no ``warm_start``.
        """
        super().check(model)
        if "warm_start" not in final_model(model).get_params(deep=False):
            raise TypeError(
                f"update={type(self).__name__}() needs a classifier with warm_start, which "
                f"{type(final_model(model)).__name__} has not; use update='retrain'"
            )

    def prepare(self, estimator):
        """Make a trained classifier ready to go on from its weights.

        Parameters
        ----------
        estimator : estimator
            Trained in an earlier round; its next ``fit`` goes on.
        """
        final_model(estimator).set_params(warm_start=True)


class ShrinkPerturb(Finetune):
    """Shrink the weights of the last round towards zero, add noise, then go on training.

    Parameters
    ----------
    shrink : float, default=0.5
        Factor of the weights.
    noise : float, default=0.01
        Scale of the noise: the share of freshly drawn weights that is added.
    pre_train : bool, default=True
        Train on the first labels; see :class:`Retrain`.

    References
    ----------
    Ash and Adams, "On warm-starting neural network training", NeurIPS 2020, section 4.
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
        """Raise an error if a classifier cannot be updated so; see `Finetune.check`.

        Parameters
        ----------
        model : estimator
            The classifier.
        """
        super().check(model)
        if not hasattr(final_model(model), "shrink_perturb"):
            raise TypeError(
                "update='shrink_perturb' needs a network such as skal.models.CNNClassifier, not "
                f"{type(final_model(model)).__name__}; use update='retrain'"
            )

    def prepare(self, estimator):
        """Shrink and perturb the weights; see `Finetune.prepare`.

        Parameters
        ----------
        estimator : estimator
            Trained in an earlier round.
        """
        super().prepare(estimator)
        final_model(estimator).shrink_perturb(self.shrink, self.noise)


_BY_NAME = {"retrain": Retrain, "finetune": Finetune, "shrink_perturb": ShrinkPerturb}


def as_update(update):
    """Return an update object for its name, or the object itself.

    Parameters
    ----------
    update : {"retrain", "finetune", "shrink_perturb"}, Retrain or Finetune
        A name stands for the object with its default parameters.

    Returns
    -------
    Retrain or Finetune
    """
    return _BY_NAME[update]() if isinstance(update, str) else update
