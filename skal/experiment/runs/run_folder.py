"""Run folders, with atomic writing and a manifest."""

import contextlib
import csv
import importlib.metadata
import io
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from skal._utils.files.atomic import (
    FolderHeldError,
    hold_folder,
    remove_leftovers,
    write_atomically,
)
from skal.experiment.messages import ExperimentError, FolderBusyError
from skal.experiment.runs.manifest import (
    MANIFEST,
    STARTED,
    changed_files,
    describe_files,
    make_manifest,
)

__all__ = ["RunFolder", "describe_environment", "make_output_folder"]

_PACKAGES = (
    "skal-audio",
    "numpy",
    "scipy",
    "scikit-learn",
    "tensorflow",
    "keras",
    "scikeras",
    "librosa",
    "soundfile",
    "soxr",
    "joblib",
)


def make_output_folder(path):
    """Make the folder of all runs if it is missing, with a .gitignore."""
    path = Path(path)
    if path.exists():  # may be the user's own folder: leave its .gitignore alone
        return
    try:
        path.mkdir(parents=True)
        (path / ".gitignore").write_text("*\n")
    except OSError as error:
        raise ExperimentError(f"cannot write {path}: {error.strerror or error}") from error


class RunFolder:
    """The existing folder of a run."""

    def __init__(self, path):
        self.path = Path(path)

    @classmethod
    def create(cls, parent):
        """Make the next numbered folder (1, 2, ...) below a parent."""
        parent = Path(parent)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            numbers = [int(entry.name) for entry in parent.iterdir() if entry.name.isdecimal()]
            number = max(numbers, default=0) + 1
            while True:
                # Another process may have taken the number in the meantime.
                with contextlib.suppress(FileExistsError):
                    (parent / str(number)).mkdir()
                    return cls(parent / str(number))
                number += 1
        except OSError as error:
            raise ExperimentError(f"cannot make a run folder in {parent}: {error}") from error

    @property
    def is_run(self):
        """Return whether a run was started here."""
        return (self.path / "params.json").is_file()

    @property
    def is_finished(self):
        """Return whether the run has ended and all its files are written."""
        return (self.path / MANIFEST).is_file()

    @property
    def has_lost_params(self):
        """Whether a run was started here whose parameters are missing."""
        begun = (MANIFEST, "checkpoint", "stats.csv")
        return not self.is_run and any((self.path / name).exists() for name in begun)

    @contextlib.contextmanager
    def hold(self):
        """Lock out other processes, and remove half-written files of a killed process."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold_folder(self.path))
                remove_leftovers(self.path)
            except FolderHeldError as error:
                raise FolderBusyError(f"{error}; wait until it ends, or stop it") from error
            except OSError as error:
                raise ExperimentError(
                    f"cannot work in {self.path}: {error.strerror or error}"
                ) from error
            yield self

    def begin(self, **values):
        """Write JSON files by stem, and their hashes; params.json makes the run resumable."""
        texts = {f"{name}.json": _as_json(value) for name, value in values.items()}
        hashed = describe_files({name: _encoded(text) for name, text in texts.items()})
        self.write_json(STARTED, hashed)
        for name, text in texts.items():
            self.write_text(name, text)

    def check_begun(self):
        """Raise an error if a file that `begin` wrote has changed since."""
        # Runs that an earlier version started have no hashes.
        if (self.path / STARTED).exists():
            changed, missing = changed_files(self.path, STARTED)
            yours = f". If you changed it yourself, remove {STARTED}"
            self._refuse(changed + missing, "since the run began", yours)

    def check_finished(self, only=None):
        """Raise an error if a file of a finished run has changed; return the missing files."""
        changed, missing = changed_files(self.path, only=only)
        self._refuse(changed if only is None else changed + missing, "since the run finished")
        return missing

    def _refuse(self, paths, since, more=""):
        if paths:
            how = "has changed" if paths[0].exists() else "has been missing"
            raise ExperimentError(
                f"{paths[0]} {how} {since}: restore it from a copy, or remove the folder "
                f"{self.path} to run again{more}"
            )

    def seal(self):
        """Write the manifest, which marks the run as finished."""
        self.write_json(MANIFEST, make_manifest(self.path))
        with self.named_errors(STARTED):
            (self.path / STARTED).unlink(missing_ok=True)

    def tidy(self):
        """Remove temporary files of a finished run that was killed before it could."""
        if any((self.path / name).exists() for name in ("checkpoint", ".lock", STARTED)):
            with contextlib.suppress(FolderBusyError), self.hold():
                self.remove("checkpoint")
                with self.named_errors(STARTED):
                    (self.path / STARTED).unlink(missing_ok=True)

    def remove(self, name):
        """Remove a folder inside this one, if it is there."""
        with self.named_errors(name), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path / name)

    def read_json(self, name):
        """Read a JSON file."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise ExperimentError(
                f"cannot read {self.path / name}: {error.strerror or error}"
            ) from error
        except ValueError as error:
            raise ExperimentError(f"{self.path / name} is damaged: {error}") from error

    def read_csv(self, name):
        """Return the rows of a CSV file as dicts of strings; a missing file has no rows."""
        path = self.path / name
        if not path.is_file():
            return []
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return list(csv.DictReader(file))

    def write_text(self, name, text):
        """Write a text file."""
        with self.open(name) as file:
            file.write(_encoded(text))

    def write_json(self, name, value):
        """Write a JSON file."""
        self.write_text(name, _as_json(value))

    def write_csv(self, name, columns, rows):
        """Write dicts into a CSV file; missing values are left empty."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(name, text.getvalue())

    def log(self, line):
        """Add a line to log.txt."""
        path = self.path / "log.txt"
        with self.named_errors("log.txt"), open(path, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a process was killed while writing
                    file.write(b"\n")
            file.write(_encoded(f"{line}\n"))

    @contextlib.contextmanager
    def open(self, name):
        """Open a binary file that appears whole or not at all."""
        with self.named_errors(name), write_atomically(self.path / name) as file:
            yield file

    @contextlib.contextmanager
    def named_errors(self, name):
        """Turn an OSError into an ExperimentError that names the file."""
        try:
            yield
        except OSError as error:
            raise ExperimentError(
                f"cannot write {self.path / name}: {error.strerror or error}"
            ) from error


def _as_json(value):
    return json.dumps(value, indent=2) + "\n"


def _encoded(text):
    # Show file names that are not UTF-8 as bytes.
    return text.encode("utf-8", "surrogateescape")


def describe_environment(seed):
    """Return versions, commit, machine, and seed, which results depend on."""
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "python": platform.python_version(),
        "packages": versions,
        "commit": _commit(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "seed": seed,
    }


def _commit():
    """Return the commit of skal's checkout, or None if skal is installed."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return None
    git = ["git", "-C", str(root)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    except OSError:
        return None
    if head.returncode != 0:
        return None
    return head.stdout.strip() + (" with changes" if changes.stdout.strip() else "")
