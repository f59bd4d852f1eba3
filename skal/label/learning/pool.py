"""The pool of a project: readable clips, and their features."""

import hashlib
from dataclasses import dataclass

import numpy as np

from skal._utils.sound.windows import Window
from skal.audio import FeatureCache, build_features
from skal.label.asking.clips import count_clips, usable_clips
from skal.label.learning.defaults import choose_components
from skal.label.store.project_error import ProjectError

__all__ = ["Pool", "read_pool"]


@dataclass
class Pool:
    """Clips and features, in ascending order of clip numbers."""

    # `version` holds the counts of clips and set-aside clips when the pool was read.

    ids: np.ndarray
    X: np.ndarray
    groups: np.ndarray | None
    components: object
    version: tuple

    @property
    def digest(self):
        """Return a short fingerprint of the clip numbers."""
        return hashlib.blake2b(self.ids.astype("<i8").tobytes(), digest_size=8).hexdigest()

    def rows(self, clip_ids):
        """Return the rows of X of clips in the pool."""
        return np.searchsorted(self.ids, np.asarray(clip_ids, dtype=np.intp))

    def has(self, clip_ids):
        """Return which clips are in the pool, as an array of bool."""
        return np.isin(np.asarray(clip_ids, dtype=np.intp), self.ids)


def read_pool(project, old=None, progress=None):
    """Read the pool and compute missing features; return `old` if nothing changed."""
    # Unreadable clips are set aside. Calls `progress(n_done, n_clips, n_failed)` along the way.
    with project.store.read() as connection:
        version = count_clips(connection)[:2]
        if old is not None and version == old.version:
            return old
        rows = usable_clips(connection)
    if old is not None and old.has([row.id for row in rows]).all():
        old.version = version  # clips were only set aside: the old features still serve
        return old
    root = str(project.root)
    windows = [Window(f"{root}/{path}", start or 0.0, end) for _, path, start, end in rows]
    components = choose_components(project, windows) if old is None else old.components
    X, kept = _features(project, components.transformer, windows, rows, progress)
    with project.store.read() as connection:
        version = count_clips(connection)[:2]
    are_windows = any(row[2] is not None for row in rows)
    return Pool(
        ids=np.array([rows[i][0] for i in kept], dtype=np.intp),
        X=X,
        groups=np.array([rows[i][1] for i in kept]) if are_windows else None,
        components=components,
        version=version,
    )


def _features(project, transformer, windows, rows, progress):
    """Compute features, and set aside unreadable clips."""
    addresses = [str(window) for window in windows]
    store = project.folder / "features"
    report = build_features(addresses, transformer, store, progress=progress)
    for position, broken in report.broken.items():
        project.set_aside(rows[position][0], broken.in_short)
    kept = [i for i in range(len(addresses)) if i not in report.broken]
    if not kept:
        raise ProjectError(
            "no_such_project",
            f"none of the recordings in {str(project.root)!r} can be read: {report.broken[0]}"
            if report.broken
            else f"all recordings of {str(project.root)!r} are set aside",
        )
    return FeatureCache(transformer, store).transform([addresses[i] for i in kept]), kept
