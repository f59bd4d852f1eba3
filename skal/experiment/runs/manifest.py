"""Manifests: hashes of the files of a run, and duplicate runs."""

import csv
import hashlib
import io
import json
from pathlib import Path

__all__ = ["MANIFEST", "find_duplicates", "make_manifest", "result_hash"]

MANIFEST = "manifest.json"

# Columns that vary between runs with the same result.
_TIMES = ("seconds_query", "seconds_fit")


def make_manifest(folder):
    """Return the SHA-256 of each file of a finished run, and that of its result."""
    files = sorted(path for path in Path(folder).iterdir() if _counts(path))
    return {
        "files": {path.name: _hash_file(path) for path in files},
        "result": result_hash(folder),
    }


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
        result = json.loads(path.read_text(encoding="utf-8"))["result"]
        if result in first:
            duplicates[folder] = first[result]
        else:
            first[result] = folder
    return duplicates


def _counts(path):
    return path.is_file() and not path.name.startswith(".") and path.name != MANIFEST


def _hash_file(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
