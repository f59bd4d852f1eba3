"""Specifications, which decide whether an engine can be reused."""

from dataclasses import dataclass

from sklearn.base import clone

__all__ = ["EngineSpec", "copy_part"]


@dataclass(frozen=True)
class EngineSpec:
    """Everything that determines an engine; equal specifications can share it."""

    # network, augmentation: What they were made from, see :meth:`of`.
    network: object
    input_shape: tuple  # shape of a sample; spectrograms have a channel axis
    n_classes: int  # number of classes
    augmentation: object
    optimizer: str  # name of the optimizer
    weight_decay: float  # decoupled weight decay
    engine: str  # what trains
    # Keras's dtype policy: the types that layers without a dtype of their own compute in.
    policy: str

    @classmethod
    def of(cls, network, input_shape, n_classes, augmentation, classifier):
        """Make the specification of an engine for a classifier."""
        from skal.models._backend import keras

        # Parameter objects may change after a fit, so compare their content.
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
        """Return whether the networks of two engines have the same weights."""
        ours, theirs = ((spec.network, spec.input_shape, spec.n_classes) for spec in (self, other))
        return ours == theirs


def _identity(part):
    """Identify a parameter object by its class and parameters, recursively."""
    if hasattr(part, "get_params"):
        params = part.get_params(deep=False)
        return type(part), {name: _identity(value) for name, value in params.items()}
    return part


def copy_part(part):
    """Copy a parameter object; return functions and models unchanged."""
    return clone(part) if hasattr(part, "get_params") else part
