"""Unpickling: names that have moved since, and one error for everything that can go wrong."""

import inspect
import io
import lzma
import pickle
import struct
import zlib

from joblib.numpy_pickle import NumpyUnpickler

from skal._utils.inflated import TooLargeError, inflate, is_packed

__all__ = ["UnpicklingError", "is_pickle", "unpickle"]

# Where modules went whose classes are in saved models.
_MOVED = {
    "skal.models.keras": "skal.models.classifier",
    "skal.models.tensorflow": "skal.models._earlier",
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
    """Tell whether bytes begin as a file of joblib does; none of its code runs."""
    return beginning.startswith(b"\x80") or is_packed(beginning)


def unpickle(content, name):
    """Return the object in a file of joblib, `name`, which **runs the code in it**."""
    try:
        return _Unpickler("", io.BytesIO(inflate(content)), **_NATIVE).load()
    except TooLargeError as error:
        raise UnpicklingError(
            f"{name}: no model is that large when it is unpacked; not opened"
        ) from error
    except _ERRORS as error:
        raise UnpicklingError(
            f"{name}: broken, or made with other versions of its packages "
            f"({type(error).__name__}: {' '.join(str(error).split())}); open it with those "
            "versions, or train again"
        ) from error
