"""Model files: where they are, what they contain, and how to open them."""

import re
from pathlib import Path
from typing import NamedTuple

from skal._utils.files.checksummed import (
    is_checksummed,
    parse_checksummed,
    read_checksummed,
    write_checksummed,
)
from skal._utils.files.pickles import is_pickle, unpickle

__all__ = [
    "MODEL_FILE",
    "ModelError",
    "OpenedModel",
    "check_model",
    "find_model",
    "list_model_files",
    "read_model",
    "round_file",
    "write_model",
]

MODEL_FILE = "model.skal"
# Earlier versions of skal saved bare pickles.
_OLD_MODEL_FILE = "model.joblib"
_ROUND = re.compile(r"round-(\d+)\.(skal|joblib)")
_KIND, _FORMAT = "model", 1
_NAME_ONE = "name a model file, a run folder of skal run, or a project folder of skal label"


class ModelError(ValueError):
    """A model cannot be loaded, or does not accept recordings; the message says what to do.

    See Also
    --------
    Recognizer.load : Raises it.

    Examples
    --------
    >>> import tempfile
    >>> from skal.recognizer import ModelError, Recognizer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     try:
    ...         Recognizer.load(folder)
    ...     except ModelError as error:
    ...         print(str(error).replace(folder, "night"))
    night: this folder has no model; name a model file, ...
    """


class OpenedModel(NamedTuple):
    """An opened model file: the model and its metadata."""

    path: Path
    model: object
    about: dict


def round_file(folder, number):
    """Return the model file of a round of a project."""
    return Path(folder) / "models" / f"round-{number:04d}.skal"


def list_model_files(folder):
    """Return the model files of a project folder by round, including former formats."""
    found = {}
    for path in (Path(folder) / "models").glob("round-*"):
        if (match := _ROUND.fullmatch(path.name)) and found.get(int(match[1])) is None:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def find_model(path):
    """Resolve a path to a model file: the file itself, or the newest model of a run or project."""
    path = Path(path)
    if not path.is_dir():
        return path
    for name in (MODEL_FILE, _OLD_MODEL_FILE):
        if (path / name).is_file():
            return path / name
    for folder in (path, path / ".skal"):
        if rounds := list_model_files(folder):
            return list(rounds.values())[-1]
    if (path / "params.json").is_file():
        raise ModelError(
            f"{path / MODEL_FILE} is missing: the run has not saved a model (see its log.txt, or "
            "continue it), or the file was removed"
        )
    if (path / "project.sqlite").is_file() or (path / ".skal").is_dir():
        raise ModelError(f"{path}: this project has no model yet; label more clips of each class")
    raise ModelError(f"{path}: this folder has no model; {_NAME_ONE}")


def write_model(path, model, about):
    """Save a model with a checksum; `about` is metadata for JSON."""
    write_checksummed(path, _KIND, _FORMAT, about, {}, model)


def check_model(path, digest):
    """Raise a ValueError unless a model file is undamaged and has this checksum."""
    read_checksummed(path, _KIND, _FORMAT, digest)


def read_model(path):
    """Open a model file. Loading runs the code in the file."""
    # Raise ModelError if it is unreadable, damaged, or not a model file.
    path = find_model(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror or error}; {_NAME_ONE}"
        ) from error
    try:
        if is_checksummed(content):
            file = parse_checksummed(content, path, _KIND, _FORMAT, remedy="train again")
            return OpenedModel(path, file.unpickle(), file.values)
        if is_pickle(content[:6]):
            return OpenedModel(path, unpickle(content, path), {})
    except ValueError as error:
        raise ModelError(str(error)) from error
    raise ModelError(f"{path}: not a model file; {_NAME_ONE}")
