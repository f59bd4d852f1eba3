"""Keys of stored features: parameters of the transformer, and state of the file."""

import hashlib
import json
import os
import stat

import numpy as np
from sklearn.base import BaseEstimator

from skal._utils.rows.fingerprints import canonical
from skal._utils.sound.windows import as_window
from skal.audio._base import AudioTransformer
from skal.audio._store import KEY_BYTES
from skal.audio.contract import parameters_of

__all__ = ["clip_keys", "describe_transformer"]

# Parameters that do not affect values, so changing them must not invalidate the store.
_NO_VALUE = {"n_jobs", "on_error"}
# Increment it when values change for the same parameters, or the storage format changes.
_VERSION = 4


def describe_transformer(transformer, dtype, key):
    """Return everything that stored values depend on, as JSON."""
    parameters = {
        name: _plain(value)
        for name, value in _parameters_of(transformer).items()
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


def _parameters_of(transformer):
    if isinstance(transformer, AudioTransformer):
        return transformer._value_parameters()
    return parameters_of(transformer)


def _plain(value):
    """Return a parameter in one form for equal values, such as 1, 1.0 and np.int64(1)."""
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def clip_keys(clips, kind):
    """Return 16 bytes for every clip that change with its file."""
    files, here = {}, os.getcwd()
    texts = []
    for clip in clips:
        part = ""
        # Fast path: pools have a hundred thousand plain paths and few other clips.
        if type(clip) is not str or "#t=" in clip:
            try:
                window = as_window(clip)
            except (TypeError, ValueError):
                # Reading the file reports the error.
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
