"""What features in a store are known by: parameters of the transformer, state of the file."""

import hashlib
import json
import os
import stat

import numpy as np
from sklearn.base import BaseEstimator

from skal._utils.rows.fingerprints import canonical
from skal._utils.sound.windows import as_window
from skal.audio._store import KEY_BYTES
from skal.audio.contract import parameters_of

__all__ = ["clip_keys", "describe"]

# Parameters that do not change the values: changing them must not throw the store away.
_NO_VALUE = {"n_jobs", "on_error"}
# Raised when the same parameters come to give other values, or rows are stored otherwise.
_VERSION = 4


def describe(transformer, dtype, key):
    """Return all that the values in a store depend on, as JSON."""
    parameters = {
        name: _plain(value)
        for name, value in parameters_of(transformer).items()
        if name not in _NO_VALUE and not isinstance(value, BaseEstimator)
    }
    described = {
        "transformer": type(transformer).__name__,
        "version": _VERSION,
        "dtype": str(dtype),
        "key": key,
        "parameters": parameters,
    }
    if hasattr(transformer, "fingerprint"):
        described["weights"] = transformer.fingerprint()
    if not type(transformer).__module__.startswith("skal."):
        described["module"] = f"{type(transformer).__module__}.{type(transformer).__qualname__}"
    return json.dumps(described, sort_keys=True, indent=1, default=canonical)


def _plain(value):
    """Return a parameter such that equal values are written alike: 1, 1.0 and np.int64(1)."""
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def clip_keys(clips, kind):
    """Return 16 bytes for every clip that change when its file does."""
    files, here = {}, os.getcwd()
    texts = []
    for clip in clips:
        part = ""
        # Pools have a hundred thousand plain paths; the few others take the longer way.
        if type(clip) is not str or "#t=" in clip:
            try:
                window = as_window(clip)
            except (TypeError, ValueError):
                # Reading it says what is wrong with it.
                texts.append(repr(clip))
                continue
            clip, part = window.path, f"|{window.start}|{window.end}"
        if clip not in files:
            files[clip] = _file_key(os.path.join(here, clip), kind)
        texts.append(files[clip] + part)
    return [
        hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=KEY_BYTES).digest()
        for text in texts
    ]


def _file_key(path, kind):
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return f"missing|{path}"
    if kind == "time" or not stat.S_ISREG(status.st_mode):
        return f"{path}|{status.st_size}|{status.st_mtime_ns}"
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:
        return f"unreadable|{path}"
