"""Labels and answers out of a project, and imported labels into it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import insert, select

from skal.label.asking.kinds import LABEL, SETTLING
from skal.label.asking.records import IMPORTED, Answer, ImportReport, LabelRow
from skal.label.asking.votes import settle
from skal.label.store.tables import answers, classes, clips

__all__ = ["add_labels", "read_answers", "read_labels"]


def read_labels(connection):
    """Return a LabelRow with the verdict on each clip that has one, in order."""
    query = (
        select(
            clips.c.id,
            clips.c.path,
            clips.c.start,
            clips.c.end,
            classes.c.name,
            clips.c.kind,
            answers.c.person,
            answers.c.at,
            answers.c.round,
            answers.c.reason,
            clips.c.n_people,
            clips.c.n_agree,
        )
        .join(answers, answers.c.id == clips.c.answer_id)
        .outerjoin(classes, classes.c.id == clips.c.class_id)
        .order_by(clips.c.id)
    )
    rows = connection.execute(query)
    return [LabelRow(*row[:7], _time(row[7]), *row[8:]) for row in rows]


def read_answers(connection):
    """Return every Answer in order, including those taken back."""
    query = (
        select(
            answers.c.id,
            answers.c.clip_id,
            clips.c.path,
            clips.c.start,
            clips.c.end,
            answers.c.person,
            answers.c.kind,
            classes.c.name,
            answers.c.seconds,
            answers.c.at,
            answers.c.round,
            answers.c.reason,
            answers.c.question_id,
            answers.c.undoes,
        )
        .join(clips, clips.c.id == answers.c.clip_id)
        .outerjoin(classes, classes.c.id == answers.c.class_id)
        .order_by(answers.c.id)
    )
    rows = connection.execute(query)
    return [Answer(*row[:9], _time(row[9]), *row[10:]) for row in rows]


def add_labels(connection, root, labels, now):
    """Import labels where no answer settles the clip; return an ImportReport."""
    table = dict(connection.execute(select(classes.c.name, classes.c.id)).all())
    find = _Finder(connection, root)
    n_added, unknown_files, unknown_classes, conflicts = 0, {}, {}, []
    for label in labels:
        clip = find(label)
        if clip is None:
            unknown_files[_name_of(label)] = None
        elif label.label not in table:
            unknown_classes[str(label.label)] = None
        elif clip.kind not in SETTLING:
            _add(connection, clip.id, table[label.label], now)
            find.note(clip, label.label)
            n_added += 1
        elif clip.kind != LABEL or clip.label != label.label:
            conflicts.append((_name_of(label), clip.label or clip.kind, label.label))
    return ImportReport(n_added, tuple(unknown_files), tuple(unknown_classes), tuple(conflicts))


def _add(connection, clip_id, class_id, now):
    row = {"clip_id": clip_id, "person": IMPORTED, "kind": LABEL, "class_id": class_id}
    connection.execute(insert(answers).values(row | {"at": now, "reason": IMPORTED}))
    settle(connection, clip_id, IMPORTED)


def _name_of(label):
    if label.start is None and label.end is None:
        return str(label.path)
    return f"{label.path} ({label.start} to {label.end} s)"


class _Finder:
    """Finds the clip of an imported label."""

    def __init__(self, connection, root):
        self._roots = [f"{place}/" for place in {root.as_posix(), root.resolve().as_posix()}]
        self._by_path, self._by_name = {}, {}
        columns = clips.c.path, clips.c.id, clips.c.start, clips.c.end, clips.c.kind
        query = select(*columns, classes.c.name).outerjoin(
            classes, classes.c.id == clips.c.class_id
        )
        names = "id", "start", "end", "kind", "label"
        for path, *row in connection.execute(query.order_by(clips.c.id)):
            self._by_path.setdefault(path, []).append(
                SimpleNamespace(**dict(zip(names, row, strict=True)))
            )
        for path in self._by_path:
            self._by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)

    def __call__(self, label):
        """Return the clip of a label, or None."""
        for clip in self._by_path.get(self._path_of(label), ()):
            if _same_part(clip, label):
                return clip
        return None

    def note(self, clip, label):
        """Remember the new label of a clip."""
        clip.kind, clip.label = LABEL, label

    def _path_of(self, label):
        given = os.fspath(label.path).replace("\\", "/")
        for root in self._roots:
            given = given.removeprefix(root)
        path = Path(given).as_posix()
        if path in self._by_path:
            return path
        # Other programs drop the folder; a bare name is enough if it is unique.
        found = self._by_name.get(path.rsplit("/", 1)[-1], [])
        return found[0] if len(found) == 1 else None


def _same_part(clip, label):
    if clip.start is None:
        # The clip is the whole file; a label of a part says nothing about the rest.
        return not label.start and label.end is None
    if label.start is None or label.end is None:
        return False
    return abs(clip.start - label.start) < 1e-3 and abs(clip.end - label.end) < 1e-3


def _time(seconds):
    return datetime.fromtimestamp(seconds, UTC)
