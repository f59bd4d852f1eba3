"""Model files: where they lie, what is in them, and how they are opened."""

import re
from pathlib import Path
from typing import NamedTuple

from skal._utils.pickles import is_pickle, unpickle
from skal._utils.sealed import is_sealed, parse_sealed, write_sealed

__all__ = [
    "MODEL_FILE",
    "ModelError",
    "SavedModel",
    "find_model",
    "list_rounds",
    "read_model",
    "round_file",
    "write_model",
]

MODEL_FILE = "model.skal"
# Before files were sealed, runs and projects saved the bare pickle.
_OLD_MODEL_FILE = "model.joblib"
_ROUND = re.compile(r"round-(\d+)\.(skal|joblib)")
_KIND, _FORMAT = "model", 1
_NAME_ONE = "name a model file, a run folder of skal run, or a project folder of skal label"


class ModelError(ValueError):
    """A model cannot be loaded, or does not take recordings; the message says what to do."""


class SavedModel(NamedTuple):
    """A model file that was opened: the model, and what is written down about it."""

    path: Path
    model: object
    about: dict


def round_file(folder, number):
    """Return the file that the model of a project's round is saved in."""
    return Path(folder) / "models" / f"round-{number:04d}.skal"


def list_rounds(folder):
    """Return the model files of a project folder, by round, also those of before."""
    found = {}
    for path in (Path(folder) / "models").glob("round-*"):
        if (match := _ROUND.fullmatch(path.name)) and found.get(int(match[1])) is None:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def find_model(path):
    """Return the model file that a path means: itself, or the newest of a run or a project."""
    path = Path(path)
    if not path.is_dir():
        return path
    for name in (MODEL_FILE, _OLD_MODEL_FILE):
        if (path / name).is_file():
            return path / name
    for folder in (path, path / ".skal"):
        if rounds := list_rounds(folder):
            return list(rounds.values())[-1]
    if (path / "params.json").is_file():
        raise ModelError(f"{path}: this run has saved no model; its log.txt says why, or go on")
    if (path / "project.sqlite").is_file() or (path / ".skal").is_dir():
        raise ModelError(f"{path}: this project has no model yet; label more clips of each class")
    raise ModelError(f"{path}: there is no model in this folder; {_NAME_ONE}")


def write_model(path, model, about):
    """Save a model under a checksum; `about` is what JSON can hold."""
    write_sealed(path, _KIND, _FORMAT, about, {}, model)


def read_model(path):
    """Open a model file, which **runs the code in it**.

    Raise ModelError if it cannot be read, is damaged, or is no model file.
    """
    path = find_model(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror or error}; {_NAME_ONE}"
        ) from error
    try:
        if is_sealed(content):
            sealed = parse_sealed(content, path, _KIND, _FORMAT, remedy="train again")
            return SavedModel(path, sealed.unpickle(), sealed.values)
        if is_pickle(content[:6]):
            return SavedModel(path, unpickle(content, path), {})
    except ValueError as error:
        raise ModelError(str(error)) from error
    raise ModelError(f"{path}: not a model file; {_NAME_ONE}")
