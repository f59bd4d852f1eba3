"""What a network and its engine were made for: what decides whether they serve again."""

from dataclasses import dataclass

from sklearn.base import clone

__all__ = ["EngineSpec", "copy_part"]


@dataclass(frozen=True)
class EngineSpec:
    """Everything that an engine is made from; equal ones make the same engine.

    Attributes
    ----------
    network, augmentation : object
        What they were made from, see :meth:`of`.
    input_shape : tuple of int
        Shape of a sample, with a channel axis where it is a spectrogram.
    n_classes : int
        Number of classes.
    optimizer : str
        Name of the optimizer.
    weight_decay : float
        Decoupled weight decay.
    engine : {"keras", "tensorflow"}
        What trains.
    policy : str
        Keras's dtype policy: the types that layers without a dtype of their own compute in.
    """

    network: object
    input_shape: tuple
    n_classes: int
    augmentation: object
    optimizer: str
    weight_decay: float
    engine: str
    policy: str

    @classmethod
    def of(cls, network, input_shape, n_classes, augmentation, classifier):
        """Make the specification of an engine for a classifier."""
        from skal.models._backend import keras

        # Objects with parameters may be changed after a fit: compare what they consist of.
        return cls(
            _identity(network),
            input_shape,
            n_classes,
            _identity(augmentation),
            classifier.optimizer,
            classifier.weight_decay,
            classifier.engine,
            keras.config.dtype_policy().name,
        )

    def shares_weights(self, other):
        """Tell whether two engines hold networks of the same weights."""
        ours, theirs = ((spec.network, spec.input_shape, spec.n_classes) for spec in (self, other))
        return ours == theirs


def _identity(part):
    """Identify a parameter object by what it was made from, the objects inside it likewise."""
    if hasattr(part, "get_params"):
        params = part.get_params(deep=False)
        return type(part), {name: _identity(value) for name, value in params.items()}
    return part


def copy_part(part):
    """Copy a parameter object; functions and models stay what they are."""
    return clone(part) if hasattr(part, "get_params") else part
