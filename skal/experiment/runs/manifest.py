"""Manifests: hash a run's files, and detect damaged files and duplicate runs."""

import csv
import hashlib
import io
import json
from pathlib import Path

from skal.experiment.messages import ExperimentError

__all__ = [
    "MANIFEST",
    "STARTED",
    "changed_files",
    "describe_files",
    "find_duplicates",
    "make_manifest",
    "read_manifest",
    "result_hash",
]

MANIFEST = "manifest.json"
# The hashes of what is written before the first round; a finished run has a manifest instead.
STARTED = "started.json"

# Columns that vary between runs with the same result.
_TIMES = ("seconds_query", "seconds_fit")


def make_manifest(folder):
    """Return the SHA-256 of each file of a finished run, and that of its result."""
    files = {
        path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if _counts(path)
    }
    return describe_files(files, result=result_hash(folder))


def describe_files(contents, **more):
    """Return a manifest of files, from their contents by name, with a checksum of its own."""
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    described = {"files": files, **more}
    return described | {"checksum": _checksum(described)}


def read_manifest(path):
    """Read a manifest, or raise an error that names it."""
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        # Manifests of earlier versions have no checksum.
        if found.pop("checksum", None) not in (None, _checksum(found)):
            raise ValueError("its checksum is wrong")
        if not isinstance(found["files"], dict):
            raise ValueError("it lists no files")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ExperimentError(
            f"{path} is damaged ({getattr(error, 'strerror', None) or error}): restore it from a "
            "copy, or remove its folder to run again"
        ) from error
    return found


def changed_files(folder, name=MANIFEST, only=None):
    """Return the files of a run that differ from its manifest, and those that are missing."""
    changed, missing = [], []
    for file, digest in read_manifest(Path(folder) / name)["files"].items():
        path = Path(folder) / file
        if only is not None and file not in only:
            continue
        if not path.is_file():
            missing.append(path)
        elif _hash_file(path) != digest:
            changed.append(path)
    return changed, missing


def result_hash(folder):
    """Return a hash of queries and figures without times; runs with equal hashes count once."""
    folder = Path(folder)
    rows = csv.reader(io.StringIO((folder / "stats.csv").read_text(encoding="utf-8")))
    header = next(rows)
    kept = [i for i, name in enumerate(header) if name not in _TIMES]
    figures = [[row[i] for i in kept] for row in (header, *rows)]
    digest = hashlib.sha256((folder / "queries.csv").read_bytes())
    digest.update(json.dumps(figures).encode())
    return digest.hexdigest()


def find_duplicates(folders):
    """Return the run folders that duplicate an earlier one, and that earlier one."""
    first, duplicates = {}, {}
    for folder in map(Path, folders):
        path = folder / MANIFEST
        if not path.is_file():
            continue
        result = read_manifest(path).get("result")
        if result in first:
            duplicates[folder] = first[result]
        else:
            first[result] = folder
    return duplicates


def _counts(path):
    skipped = path.name.startswith(".") or path.name in (MANIFEST, STARTED)
    return path.is_file() and not skipped


def _hash_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(described):
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
