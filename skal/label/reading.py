"""What can be read off a project without changing it."""

from sqlalchemy import select

from skal.label.asking import labels, progress
from skal.label.asking.checks import check_id
from skal.label.asking.classes import list_classes
from skal.label.asking.records import ClipInfo, ProjectError
from skal.label.store.tables import clips, models

__all__ = ["ReadingMixin"]


class ReadingMixin:
    """Clips, labels, progress and models of an open project."""

    @property
    def classes(self):
        """Return the classes, a tuple of ClassInfo."""
        with self._opened().read() as connection:
            return list_classes(connection)

    def clip(self, clip_id):
        """Return a clip.

        Parameters
        ----------
        clip_id : int
            Its number.

        Returns
        -------
        ClipInfo

        Raises
        ------
        ProjectError
            With code "unknown_clip" if there is none.
        """
        clip_id = check_id(clip_id, "unknown_clip", "clip")
        with self._opened().read() as connection:
            row = connection.execute(select(clips).where(clips.c.id == clip_id)).first()
        if row is None:
            raise ProjectError("unknown_clip", f"there is no clip {clip_id}")
        path = str(self.root / row.path)
        return ClipInfo(row.id, path, row.path, row.start, row.end, row.problem)

    def problems(self):
        """Return the clips that are set aside.

        Returns
        -------
        list of (name, reason)
            In the order of the pool.
        """
        query = select(clips.c.path, clips.c.problem).where(clips.c.problem.is_not(None))
        with self._opened().read() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(clips.c.id))]

    def progress(self):
        """Return where the project stands.

        Returns
        -------
        Progress
        """
        with self._opened().read() as connection:
            return progress.measure_progress(connection)

    def labels(self):
        """Return what people say now about each clip that anybody has answered.

        Returns
        -------
        list of LabelRow
            In the order of the pool, one row for each clip: what most people say.
        """
        with self._opened().read() as connection:
            return labels.read_labels(connection)

    def answers(self):
        """Return every answer ever given, those taken back included.

        Returns
        -------
        list of Answer
            In the order in which they were given.
        """
        with self._opened().read() as connection:
            return labels.read_answers(connection)

    def model_path(self, round=None):
        """Return the file of a model: a Pipeline that takes paths of recordings.

        Parameters
        ----------
        round : int, default=None
            Its round. None: the newest one. Only the last few are kept.

        Returns
        -------
        pathlib.Path or None
            None where there is none.
        """
        query = select(models.c.path).order_by(models.c.id.desc())
        if round is not None:
            query = query.where(models.c.round == round)
        with self._opened().read() as connection:
            files = [self.folder / path for path in connection.execute(query).scalars()]
        return next((file for file in files if file.is_file()), None)
