"""The settings of a network, resolved from the parameters of an embedding."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from skal.audio.embedding.known import KNOWN_MODELS, find_weights
from skal.audio.embedding.runtimes import kind_of, opened

__all__ = ["Settings", "content_of", "resolve"]


class Settings(NamedTuple):
    """Settings of a network; times in s. `window` is None if the network fixes it."""

    name: str
    paths: tuple
    outputs: tuple
    sr: int
    window: float | None
    hop: float | None
    scale: float
    peak: float | None
    fill: str
    center: bool
    pool: str | None
    license: str | None

    def open(self):
        """Return the open network, of `skal.audio.embedding.runtimes.Opened`."""
        n_samples = None if self.window is None else round(self.window * self.sr)
        return opened(self.paths, self.outputs, n_samples, content_of(self.paths))


def resolve(given):
    """Resolve the parameters of a `PretrainedEmbedding`."""
    name = os.fspath(given.model)
    known = KNOWN_MODELS.get(name)
    if known is None:
        if given.weights is not None:
            raise ValueError(
                f"weights= needs the name of a known model ({', '.join(KNOWN_MODELS)}), "
                f"not model={name!r}"
            )
        _check_name(name)
        if given.sr is None:
            raise ValueError(f"the file {name!r} does not say its sampling rate: give sr=, in Hz")
    paths = _paths(name if known is None else given.weights or find_weights(name), known)

    def _pick(parameter, default=None):
        value = getattr(given, parameter)
        default = default if known is None else getattr(known, parameter)
        return default if value is None else value

    outputs = () if known is None else known.outputs
    return Settings(
        name if known is not None else Path(name).stem,
        paths,
        outputs if given.output is None else (given.output,),
        _pick("sr"),
        _pick("window"),
        _pick("hop") if given.window is None or given.hop is not None else None,
        _pick("scale", 1.0),
        _pick("peak"),
        _pick("fill", "silence"),
        _pick("center", False),
        _pool(given, known),
        None if known is None else f"{known.title}: {known.license} ({known.home})",
    )


def _pool(given, known):
    if given.pool != "auto":
        return given.pool
    return "mean" if known is None else known.pool


def _check_name(name):
    if not Path(name).exists() and not Path(name).suffix and os.sep not in name:
        raise ValueError(
            f"model={name!r} is neither a file or folder nor a known model "
            f"({', '.join(KNOWN_MODELS)})"
        )


def _paths(path, known):
    """Return the files of a network, one for each of its stages."""
    path = Path(path)
    if known is None or not known.stages:
        kind_of(path)
        return (os.path.abspath(path),)
    folder = path if path.is_dir() else path.parent
    for suffix in (".tflite", ".onnx"):
        files = [folder / f"{stage}{suffix}" for stage in known.stages]
        if all(file.is_file() for file in files):
            return tuple(map(os.path.abspath, files))
    names = " and ".join(f"{stage}.tflite (or .onnx)" for stage in known.stages)
    raise FileNotFoundError(f"{str(folder)!r} must hold {names} of {known.title}")


def content_of(paths):
    """Return a checksum of the contents of files and folders, reading only changed files."""
    files = [file for path in paths for file in _files(path)]
    states = [(str(file), status.st_size, status.st_mtime_ns) for file, status in files]
    return _checksum(tuple(states))


def _files(path):
    path = Path(path)
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [(file, file.stat()) for file in inside if not file.is_dir()]


@lru_cache(maxsize=16)
def _checksum(states):
    """Return the checksum of file contents; the files' state is only the cache key."""
    digest = hashlib.blake2b(digest_size=16)
    for path, size, _ in states:
        digest.update(f"{size}|".encode())
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()
