"""Where a project stands."""

from sqlalchemy import func, select

from skal.label.asking.estimate import (
    agreement_of,
    estimate_accuracy,
    labels_saved,
    learning_curve,
    no_longer_pays,
)
from skal.label.asking.records import IMPORTED, Progress, Training
from skal.label.store.settings import read_settings
from skal.label.store.tables import answers, asked, classes, clips, rounds, states

__all__ = ["audits", "measure_progress", "training_of"]

# Answers from which the present pace is taken.
_PACE = 50


def measure_progress(connection):
    """Count, estimate and compare.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction.

    Returns
    -------
    Progress
    """
    kinds, per_class = _counts(connection)
    history = connection.execute(select(rounds).order_by(rounds.c.id)).all()
    numbers, outcomes = audits(connection)
    done = {row.id: row.n_labels for row in history if row.status == "done"}
    records = [row.record or {} for row in history if row.status == "done"]
    estimate = estimate_accuracy(outcomes)
    n_problems, n_open, n_all = _clip_counts(connection)
    seconds, pace = _times(connection)
    kappas = [r["agreement"] for r in records if r.get("agreement") is not None]
    return Progress(
        n_clips=n_all - n_problems,
        n_labeled=kinds.get("label", 0),
        per_class=per_class,
        n_skipped=kinds.get("skip", 0),
        n_unsure=kinds.get("unsure", 0),
        n_bad=kinds.get("bad", 0),
        n_problems=n_problems,
        curve=learning_curve(numbers, outcomes, done),
        estimate=estimate,
        labels_saved=labels_saved(estimate, n_open),
        minutes_listened=seconds / 60,
        seconds_left_at_this_pace=None if pace is None else pace * n_open,
        advice=no_longer_pays(estimate, kappas),
        training=training_of(history, read_settings(connection).get("worker")),
        agreement=agreement_of(_pairs(connection)),
    )


def audits(connection):
    """Return how the model's guesses of random clips turned out.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction.

    Returns
    -------
    rounds : list of int
        Round of the model that guessed, in the order of the questions.
    outcomes : list of bool
        Whether the guess was what the person said, as far as that stands.
    """
    query = (
        select(asked.c.clip_id, asked.c.person, asked.c.round, asked.c.guess, states.c.class_id)
        .join(
            states,
            (states.c.clip_id == asked.c.clip_id) & (states.c.person == asked.c.person),
        )
        .where(asked.c.reason == "audit", asked.c.guess.is_not(None))
        .where(asked.c.answer_id.is_not(None), states.c.kind == "label")
        .order_by(asked.c.id)
    )
    # A clip that was asked again after an undo counts once.
    found = {(row[0], row[1]): row[2:] for row in connection.execute(query)}
    numbers = [number for number, _, _ in found.values()]
    return numbers, [guess == said for _, guess, said in found.values()]


def training_of(history, worker):
    """Return what the model is doing.

    Parameters
    ----------
    history : list of sqlalchemy.Row
        All rounds, in order.
    worker : dict or None
        What the training process says of itself beside its rounds.

    Returns
    -------
    Training
    """
    worker = worker or {"status": "ok", "message": None}
    last = history[-1] if history else None
    number = None if last is None else last.id
    if last is not None and last.status == "running":
        return Training("training", number)
    reasons = [last.message] if last is not None and last.status == "failed" else []
    if worker["status"] == "failed" and worker["message"] not in reasons:
        reasons.append(worker["message"])
    if reasons:
        return Training("failed", number, "; ".join(filter(None, reasons)))
    if worker["status"] == "preparing":
        return Training("waiting" if last is None else "training", number, worker["message"])
    if last is None:
        return Training("waiting", None, "the first model needs some labels of every class")
    return Training("idle", number)


def _counts(connection):
    query = (
        select(clips.c.kind, clips.c.class_id, func.count())
        .where(clips.c.kind.is_not(None))
        .group_by(clips.c.kind, clips.c.class_id)
    )
    counted = connection.execute(query).all()
    kinds = {}
    for kind, _, n in counted:
        kinds[kind] = kinds.get(kind, 0) + n
    of_class = {class_id: n for kind, class_id, n in counted if kind == "label"}
    names = select(classes.c.id, classes.c.name).order_by(classes.c.position, classes.c.id)
    return kinds, {name: of_class.get(i, 0) for i, name in connection.execute(names)}


def _clip_counts(connection):
    total = connection.execute(select(func.count()).select_from(clips)).scalar_one()
    broken = select(func.count()).where(clips.c.problem.is_not(None))
    n_open = select(func.count()).where(clips.c.open)
    counts = connection.execute(broken).scalar_one(), connection.execute(n_open).scalar_one()
    return (*counts, total)


def _times(connection):
    """Return the seconds of all answers, and the mean of the last ones."""
    timed = answers.c.seconds.is_not(None)
    total = connection.execute(select(func.sum(answers.c.seconds)).where(timed)).scalar() or 0.0
    query = select(answers.c.seconds).where(timed).order_by(answers.c.id.desc()).limit(_PACE)
    recent = connection.execute(query).scalars().all()
    return total, (sum(recent) / len(recent) if recent else None)


def _pairs(connection):
    """Return the first two labels of every clip that people have given two."""
    several = select(clips.c.id).where(clips.c.n_people > 1)
    query = (
        select(states.c.clip_id, states.c.person, states.c.class_id)
        .where(states.c.clip_id.in_(several), states.c.kind == "label")
        .where(states.c.person != IMPORTED)
        .order_by(states.c.clip_id, states.c.answer_id)
    )
    labels = {}
    for clip_id, person, class_id in connection.execute(query):
        labels.setdefault(clip_id, []).append((person, class_id))
    return [tuple(given[:2]) for given in labels.values() if len(given) > 1]
