"""The state of a project: counts, estimates, training."""

from sqlalchemy import func, select

from skal.label.asking.classes import list_classes
from skal.label.asking.clips import count_clips
from skal.label.asking.estimate import (
    agreement_of,
    estimate_accuracy,
    labels_saved,
    learning_curve,
    stopping_advice,
)
from skal.label.asking.kinds import KINDS, LABEL
from skal.label.asking.records import IMPORTED, ProjectProgress, TrainingStatus
from skal.label.store.settings import read_settings
from skal.label.store.tables import answers, clips, questions, rounds, votes

__all__ = ["audits", "measure_progress"]

# Number of recent answers that the pace is averaged over.
_PACE = 50


def measure_progress(connection):
    """Return the ProjectProgress of a project."""
    infos = list_classes(connection)
    kinds, per_class = _counts(connection, infos)
    history = connection.execute(select(rounds).order_by(rounds.c.id)).all()
    numbers, outcomes = audits(connection)
    done = {row.id: row.n_labels for row in history if row.status == "done"}
    records = [row.record or {} for row in history if row.status == "done"]
    estimate = estimate_accuracy(outcomes)
    n_all, n_problems, n_open = count_clips(connection)
    seconds, pace = _times(connection)
    kappas = [r["agreement"] for r in records if r.get("agreement") is not None]
    return ProjectProgress(
        n_clips=n_all - n_problems,
        n_labeled=kinds[LABEL],
        per_class=per_class,
        per_kind=kinds,
        n_problems=n_problems,
        curve=learning_curve(numbers, outcomes, done),
        estimate=estimate,
        labels_saved=labels_saved(estimate, n_open),
        minutes_listened=seconds / 60,
        seconds_left_at_this_pace=None if pace is None else pace * n_open,
        advice=stopping_advice(estimate, kappas),
        training=_training_of(history, read_settings(connection).get("worker"), per_class),
        n_open=n_open,
        agreement=agreement_of(_pairs(connection)),
        nothing=next((info.name for info in infos if info.nothing), None),
    )


def audits(connection):
    """Return the round of each audited prediction, and whether it was right."""
    query = (
        select(
            questions.c.clip_id,
            questions.c.round,
            questions.c.guess,
            clips.c.class_id,
        )
        .join(clips, clips.c.id == questions.c.clip_id)
        .where(questions.c.reason == "audit", questions.c.guess.is_not(None))
        # The current label, including corrections by other people.
        .where(questions.c.answer_id.is_not(None), clips.c.kind == LABEL)
        .order_by(questions.c.id)
    )
    # Count a clip once, even if it was asked again after an undo.
    found = {row[0]: row[1:] for row in connection.execute(query)}
    numbers = [number for number, _, _ in found.values()]
    return numbers, [guess == said for _, guess, said in found.values()]


def _training_of(history, worker, per_class):
    """Return the TrainingStatus from all rounds, the note of the worker, and the labels."""
    worker = worker or {"status": "ok", "message": None}
    last = history[-1] if history else None
    number = None if last is None else last.id
    if last is not None and last.status == "running":
        return TrainingStatus("training", number)
    reasons = [last.message] if last is not None and last.status == "failed" else []
    if worker["status"] == "failed" and worker["message"] not in reasons:
        reasons.append(worker["message"])
    if reasons:
        return TrainingStatus("failed", number, "; ".join(filter(None, reasons)))
    if worker["status"] == "preparing":
        return TrainingStatus("waiting" if last is None else "training", number, worker["message"])
    if last is None:
        return TrainingStatus("waiting", None, _missing(per_class))
    return TrainingStatus("idle", number)


def _missing(per_class):
    """Return what the first model still needs."""
    if not per_class:
        return "there are no classes yet: add at least two"
    if len(per_class) == 1:
        return f"{next(iter(per_class))!r} is the only class: a model needs a second one, add it"
    if sum(n > 0 for n in per_class.values()) < 2 and any(per_class.values()):
        return "the first model also needs labels of a second class"
    return "the first model needs a few labels of each class"


def _counts(connection, infos):
    query = (
        select(clips.c.kind, clips.c.class_id, func.count())
        .where(clips.c.kind.is_not(None))
        .group_by(clips.c.kind, clips.c.class_id)
    )
    counted = connection.execute(query).all()
    kinds = dict.fromkeys(KINDS, 0)
    for kind, _, n in counted:
        kinds[kind] += n
    of_class = {class_id: n for kind, class_id, n in counted if kind == LABEL}
    return kinds, {info.name: of_class.get(info.id, 0) for info in infos}


def _times(connection):
    """Return the seconds of all answers in total, and the mean of the newest ones."""
    timed = answers.c.seconds.is_not(None)
    total = connection.execute(select(func.sum(answers.c.seconds)).where(timed)).scalar() or 0.0
    query = select(answers.c.seconds).where(timed).order_by(answers.c.id.desc()).limit(_PACE)
    recent = connection.execute(query).scalars().all()
    return total, (sum(recent) / len(recent) if recent else None)


def _pairs(connection):
    """Return the first two labels of every clip that two people labeled."""
    several = select(clips.c.id).where(clips.c.n_people > 1)
    query = (
        select(votes.c.clip_id, votes.c.person, votes.c.class_id)
        .where(votes.c.clip_id.in_(several), votes.c.kind == LABEL)
        .where(votes.c.person != IMPORTED)
        .order_by(votes.c.clip_id, votes.c.answer_id)
    )
    labels = {}
    for clip_id, person, class_id in connection.execute(query):
        labels.setdefault(clip_id, []).append((person, class_id))
    return [tuple(given[:2]) for given in labels.values() if len(given) > 1]
