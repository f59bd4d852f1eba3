"""Unpickling with moved module names, and one error for all failures."""

import inspect
import io
import lzma
import pickle
import struct
import zlib

from joblib.numpy_pickle import NumpyUnpickler

from skal._utils.files.decompression import TooLargeError, inflate, is_packed

__all__ = ["UnpicklingError", "is_pickle", "unpickle"]

# Former modules of classes in saved models, and their current modules.
_MOVED = {
    "skal._utils.pipelines": "skal._utils.estimators.pipelines",
    "skal._utils.sound.findings": "skal._utils.sound.broken",
    "skal._utils.windows": "skal._utils.sound.windows",
    "skal.campaign.pseudo_labels": "skal.campaign.training.pseudo_labels",
    "skal.campaign.remembered": "skal.campaign.training.remembered_features",
    "skal.campaign.replay": "skal.campaign.training.replay",
    "skal.campaign.training.remembered": "skal.campaign.training.remembered_features",
    "skal.campaign.update": "skal.campaign.training.update",
    "skal.models.classifier": "skal.models.cnn",
    "skal.models.keras": "skal.models.cnn",
    "skal.models.networks._segments": "skal.models.networks._segment_layers",
    "skal.models.tensorflow": "skal.models._pickle_aliases",
    "skal.strategies.augmentation": "skal.strategies.augmented_copies",
    "skal.strategies.grouping": "skal.strategies.limits",
}
# Errors from broken pickles, missing classes, and classes of other versions.
_ERRORS = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError),
    *(TypeError, ValueError, OSError, MemoryError, RecursionError, OverflowError),
    *(struct.error, zlib.error, lzma.LZMAError),
)
# joblib 1.5 added a parameter without a default.
_NATIVE = (
    {"ensure_native_byte_order": True}
    if "ensure_native_byte_order" in inspect.signature(NumpyUnpickler).parameters
    else {}
)


class UnpicklingError(ValueError):
    """A pickle cannot be opened; the message names the file."""


class _Unpickler(NumpyUnpickler):
    def find_class(self, module, name):
        return super().find_class(_MOVED.get(module, module), name)


def is_pickle(beginning):
    """Return whether bytes begin like a joblib file, without running any of its code."""
    return beginning.startswith(b"\x80") or is_packed(beginning)


def unpickle(content, name):
    """Return the object in the joblib file `name`. Loading runs the code in the file."""
    try:
        return _Unpickler("", io.BytesIO(inflate(content)), **_NATIVE).load()
    except TooLargeError as error:
        raise UnpicklingError(
            f"{name}: not opened: it decompresses to more than any model needs"
        ) from error
    except _ERRORS as error:
        raise UnpicklingError(
            f"{name}: broken, or made with other versions of its packages "
            f"({type(error).__name__}: {' '.join(str(error).split())}); open it with those "
            "versions, or train again"
        ) from error
