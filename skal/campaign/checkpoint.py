"""Checkpoints: campaigns on disk, from which `fit` resumes."""

import contextlib
import re
import warnings
from pathlib import Path

import numpy as np

from skal._utils.files.atomic import FolderHeldError, hold_folder, remove_leftovers
from skal._utils.files.checksummed import checksum_of, read_checksummed, write_checksummed
from skal._utils.rows.fingerprints import describe as describe_value
from skal._utils.rows.fingerprints import fingerprint, is_digest

_NAME = "campaign.skal"
_PART = re.compile(r"(model|round|rows)-\d+\.skal")
_FIRST = ("round-00000.skal", "rows-00000.skal", "model-00000.skal", "model-00001.skal")
_FORMAT = 3
_OLD_NAME = "campaign.joblib"  # format 1: one pickle of everything

# Parameters that may change when a campaign resumes: its limits and its reporting.
_FREE = ("budget", "max_rounds", "verbose", "checkpoint", "stopping")
_CONTENTS = " (contents)"


class NoCheckpoint:
    """Null object for campaigns that are not saved."""

    hold = contextlib.nullcontext

    def save(self, rounds):
        """Save nothing."""

    def load_into(self, rounds):
        """Load nothing."""


class Checkpoint:
    """The folder of a saved campaign."""

    # Every round has its own file, written once, with its record and (with store_rounds) its
    # model. Rows from outside X and the models of the last round also have files. The file
    # campaign.skal lists them with their checksums and is replaced atomically after they are on
    # disk. So after a kill at any time, the folder holds the campaign after some round, or after
    # the answers of a round before its training.
    #
    # Records, labels and fingerprints are JSON and arrays. Models, criteria and rows from outside
    # X are pickles, opened only after their checksum was verified. That detects damage, not
    # tampering.

    def __init__(self, folder, description):
        self.folder = Path(folder)
        self.path = self.folder / _NAME
        self.description = description
        self._parts = {}  # checksums of the campaign's files, by name
        self._saved = None  # last known checksum of campaign.skal

    @contextlib.contextmanager
    def hold(self):
        """Lock the folder, and check that no other process has continued the campaign."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold_folder(self.folder))
            except FolderHeldError as error:
                advice = "; wait until it ends, or set checkpoint= to another folder"
                raise FolderHeldError(self.folder, error.holder + advice) from None
            found = checksum_of(self.path)
            if found is None:
                self._parts = {}  # write everything again if the folder was removed
            elif self._saved is not None and found != self._saved:
                raise ValueError(
                    f"{self.path} was written by another campaign since this one was last saved. "
                    "Call fit again, which resumes from there."
                )
            remove_leftovers(self.folder)
            yield

    def save(self, rounds):
        """Write new files, then the state of the campaign; call it within `hold`."""
        self._write_parts(rounds)
        values, arrays = _split(rounds.progress())
        values |= {
            "description": self.description,
            "parts": self._parts,
            "n_rounds": len(rounds.history),
            "n_extra": len(rounds.state.extra),
        }
        self._saved = write_checksummed(
            self.path, "campaign", _FORMAT, values, arrays, rounds.criteria
        )
        for path in self.folder.iterdir():
            if _PART.fullmatch(path.name) and path.name not in self._parts:
                path.unlink()

    def _write_parts(self, rounds):
        """Write the files that do not exist yet."""
        parts = {}
        for i, record in enumerate(rounds.history):
            snapshot = rounds.snapshots[i] if rounds.snapshots else None
            self._write(parts, f"round-{i:05d}", *_split(record), snapshot)
        for i, (X, codes) in enumerate(rounds.state.extra):
            self._write(parts, f"rows-{i:05d}", {}, {"codes": codes}, X)
        models = (rounds.model, rounds.estimator)
        self._write(parts, f"model-{len(rounds.history):05d}", {}, {}, models)
        self._parts = parts

    def _write(self, parts, name, values, arrays, pickled):
        file = f"{name}.skal"
        if file in self._parts:
            parts[file] = self._parts[file]
        else:
            kind = name.partition("-")[0]
            parts[file] = write_checksummed(
                self.folder / file, kind, _FORMAT, values, arrays, pickled
            )

    def load_into(self, rounds):
        """Resume a saved campaign, if there is one; call it within `hold`."""
        self._saved = ""
        if not has_checkpoint(self.folder):
            # A campaign that was killed at its first save left files of round 0 alone.
            if any(_later(path.name) for path in self.folder.iterdir()):
                warnings.warn(
                    f"{self.path} is missing: the campaign starts again from its beginning",
                    stacklevel=2,
                )
            return
        self._saved = checksum_of(self.path)
        head = read_checksummed(self.path, "campaign", _FORMAT)
        self._check_same(head.values["description"])
        _resume(rounds, self.folder, head)
        self._parts = head.values["parts"]

    def _check_same(self, found):
        differing = _differences(found, self.description)
        if differing:
            raise ValueError(
                f"{self.path} belongs to another campaign ({'; '.join(differing)}). Set "
                "checkpoint= to another folder, or delete this folder to start over."
            )


def _later(name):
    """Tell whether a file was written after the first save of a campaign."""
    return _PART.fullmatch(name) is not None and name not in _FIRST


def _differences(found, given):
    """List the differences between two descriptions; checksums are not shown."""
    texts = []
    for name in (name for name in found if name in given and found[name] != given[name]):
        plain = name.removesuffix(_CONTENTS)
        if not is_digest(given[name]):
            texts.append(f"{name} was {found[name]}, is {given[name]}")
        elif plain == name:
            texts.append(f"{name} differ")
        elif found[plain] == given[plain]:
            texts.append(f"{plain} differs")
    # Columns in different containers have different entries; report only the container.
    return texts or [f"only one has {name}" for name in sorted(found.keys() ^ given.keys())]


def _split(record):
    """Split a record into JSON values and arrays."""
    values, arrays = {}, {}
    for name, value in record.items():
        values[name] = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, np.ndarray):
            arrays[name] = value
            values[name] = None  # a placeholder, which keeps the order of the record
    return values, arrays


def _joined(file):
    return {**file.values, **file.arrays}


def _read_part(folder, head, name):
    file = f"{name}.skal"
    return read_checksummed(
        Path(folder) / file, name.partition("-")[0], _FORMAT, head.values["parts"][file]
    )


def _resume(rounds, folder, head):
    n_rounds, n_extra = head.values["n_rounds"], head.values["n_extra"]
    played = [_read_part(folder, head, f"round-{i:05d}") for i in range(n_rounds)]
    taught = [_read_part(folder, head, f"rows-{i:05d}") for i in range(n_extra)]
    rounds.resume(
        _joined(head),
        history=[_joined(part) for part in played],
        snapshots=[part.unpickle() for part in played if part.has_pickle],
        extra=[(part.unpickle(), part.arrays["codes"]) for part in taught],
        criteria=head.unpickle(),
        models=_read_part(folder, head, f"model-{n_rounds:05d}").unpickle(),
    )


def has_checkpoint(folder):
    """Return whether a campaign was saved in a folder."""
    folder = Path(folder)
    if (folder / _NAME).exists():
        return True
    if (folder / _OLD_NAME).exists():
        raise ValueError(
            f"{folder / _OLD_NAME} is a checkpoint of an older version of skal, which this "
            "version cannot read. Finish the campaign with that version, or delete the file to "
            "start over; to keep it, set checkpoint= to another folder."
        )
    return False


def last_round(folder):
    """Read the last round of a campaign from its checkpoint."""
    if not has_checkpoint(folder):
        return None
    head = read_checksummed(Path(folder) / _NAME, "campaign", _FORMAT)
    n_rounds = head.values["n_rounds"]
    if n_rounds == 0:
        return None
    record = _joined(_read_part(folder, head, f"round-{n_rounds - 1:05d}"))
    return record, _read_part(folder, head, f"model-{n_rounds:05d}").unpickle()[1]


def describe_campaign(campaign, state, known, *, simulated):
    """Describe everything that identifies a campaign."""
    # Describe it before any draw, which changes a RandomState.
    description = {"simulated": str(simulated)}
    for name, value in campaign.get_params(deep=False).items():
        if name not in _FREE:
            description[name], description[name + _CONTENTS] = describe_value(value)
    columns = {
        "X": state.X,
        "classes of y": state.classes,
        "labels of y": np.where(known, state.codes, -1),
        "groups": state.groups,
        "starts": state.starts,
        "sample_weight": state.weights,
    }
    for column, rows in columns.items():
        found = {"container": "None"} if rows is None else fingerprint(rows)
        description |= {f"{what} of {column}": text for what, text in found.items()}
    return description
