"""The pool of a project as the model sees it: clips that can be read, and their features."""

import hashlib
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select

from skal._windows import Window
from skal.audio import FeatureCache, build_features
from skal.label.components import choose_components
from skal.label.schema import clips
from skal.label.types import ProjectError

__all__ = ["Pool", "read_pool"]


@dataclass
class Pool:
    """Clips whose features are known.

    Attributes
    ----------
    ids : ndarray of shape (n_clips,)
        Number of each clip, ascending.
    X : ndarray of shape (n_clips, ...)
        Features.
    groups : ndarray of shape (n_clips,) or None
        Recording of each clip, where clips are windows.
    components : Components
        What learns.
    version : tuple of int
        Clips of the project, and those set aside, when the pool was read.
    """

    ids: np.ndarray
    X: np.ndarray
    groups: np.ndarray | None
    components: object
    version: tuple

    @property
    def digest(self):
        """Return a short text that is another one for other clips."""
        return hashlib.blake2b(self.ids.astype("<i8").tobytes(), digest_size=8).hexdigest()

    def rows(self, clip_ids):
        """Return the rows of X of clips.

        Parameters
        ----------
        clip_ids : array-like of int
            Numbers of clips of the pool.

        Returns
        -------
        ndarray of intp
        """
        return np.searchsorted(self.ids, np.asarray(clip_ids, dtype=np.intp))

    def has(self, clip_ids):
        """Tell which clips are in the pool.

        Parameters
        ----------
        clip_ids : array-like of int
            Numbers of clips.

        Returns
        -------
        ndarray of bool
        """
        return np.isin(np.asarray(clip_ids, dtype=np.intp), self.ids)


def read_pool(project, old=None, progress=None):
    """Read the pool and compute its features, as far as they are not known.

    Parameters
    ----------
    project : LabelingProject
        Open. Clips that cannot be read are set aside in it.
    old : Pool, default=None
        The pool before; returned again unless clips have come.
    progress : callable, default=None
        Called as ``progress(n_done, n_clips, n_failed)`` while features are computed.

    Returns
    -------
    Pool

    Raises
    ------
    ProjectError
        If no clip can be read.
    """
    query = select(clips.c.id, clips.c.path, clips.c.start, clips.c.end)
    usable = clips.c.problem.is_(None)
    with project.store.read() as connection:
        version = _version(connection)
        if old is not None and version == old.version:
            return old
        if old is not None:
            ids = connection.execute(select(clips.c.id).where(usable)).scalars().all()
            if old.has(ids).all():
                old.version = version
                return old
        rows = connection.execute(query.where(usable).order_by(clips.c.id)).all()
    root = str(project.root)
    windows = [Window(f"{root}/{path}", start or 0.0, end) for _, path, start, end in rows]
    components = choose_components(project, windows) if old is None else old.components
    X, kept = _features(project, components.transformer, windows, rows, progress)
    with project.store.read() as connection:
        version = _version(connection)
    are_windows = any(row[2] is not None for row in rows)
    return Pool(
        ids=np.array([rows[i][0] for i in kept], dtype=np.intp),
        X=X,
        groups=np.array([rows[i][1] for i in kept]) if are_windows else None,
        components=components,
        version=version,
    )


def _version(connection):
    columns = func.count(), func.count(clips.c.problem), func.coalesce(func.max(clips.c.id), 0)
    return tuple(connection.execute(select(*columns)).one())


def _features(project, transformer, windows, rows, progress):
    """Compute features; set aside the clips that have none."""
    addresses = [str(window) for window in windows]
    store = project.folder / "features"
    report = build_features(addresses, transformer, store, progress=progress)
    for position, broken in report.broken.items():
        project.set_aside(rows[position][0], f"{broken.reason}; {broken.advice}")
    kept = [i for i in range(len(addresses)) if i not in report.broken]
    if not kept:
        raise ProjectError(
            "no_such_project",
            f"none of the recordings in {str(project.root)!r} can be read: {report.broken[0]}"
            if report.broken
            else f"all recordings of {str(project.root)!r} are set aside",
        )
    return FeatureCache(transformer, store).transform([addresses[i] for i in kept]), kept
