"""Training rounds: their state, choices, and predictions."""

from sqlalchemy import delete, func, insert, select, update

from skal.label.store.settings import write_settings
from skal.label.store.tables import classes, predictions, queue, rounds

__all__ = [
    "begin_round",
    "chosen_clips",
    "end_interrupted",
    "fail_round",
    "list_rounds",
    "note",
    "publish",
]


def begin_round(store, n_labels, record):
    """Store a new round, and return its number."""
    with store.write() as connection:
        last = connection.execute(select(func.max(rounds.c.id))).scalar()
        number = 0 if last is None else last + 1
        row = {"id": number, "n_labels": n_labels, "status": "running", "record": record}
        connection.execute(insert(rounds).values(row))
    return number


def fail_round(store, number, message):
    """Mark a round as failed, and say why."""
    _fail(store, rounds.c.id == number, message)


def end_interrupted(store, message):
    """Mark running rounds as failed; for use while no process trains."""
    _fail(store, rounds.c.status == "running", message)


def _fail(store, condition, message):
    with store.write() as connection:
        failed = {"status": "failed", "message": message[:500]}
        connection.execute(update(rounds).where(condition).values(failed))


def note(store, status, message):
    """Store what the worker does between rounds: "ok", "preparing" or "failed"."""
    with store.write() as connection:
        write_settings(connection, {"worker": {"status": status, "message": message}})


def list_rounds(store):
    """Return all rounds, in order."""
    with store.read() as connection:
        return connection.execute(select(rounds).order_by(rounds.c.id)).all()


def chosen_clips(store):
    """Return the numbers of the clips that are chosen as questions."""
    with store.read() as connection:
        return connection.execute(select(queue.c.clip_id)).scalars().all()


def publish(store, number, *, ranking, guesses, record=None):
    """Store all results of a round at once; `number` is None for the initial choice."""
    # `ranking` has a list of clip ids for each reason, `guesses` has (clip id, class,
    # probability).
    with store.write() as connection:
        connection.execute(delete(queue))
        connection.execute(delete(predictions))
        rows = [
            {"reason": reason, "rank": rank, "round": number, "clip_id": clip_id}
            for reason, chosen in ranking.items()
            for rank, clip_id in enumerate(chosen)
        ]
        # A class may have been renamed, merged or retired while the model trained.
        now = func.coalesce(classes.c.merged_into, classes.c.id)
        query = select(classes.c.name, now).where(~classes.c.retired)
        table = dict(connection.execute(query).all())
        expected = [
            {"clip_id": clip_id, "round": number, "class_id": table[name], "probability": p}
            for clip_id, name, p in guesses
            if name in table
        ]
        for target, content in ((queue, rows), (predictions, expected)):
            if content:
                connection.execute(insert(target), content)
        if number is not None:
            done = {"status": "done", "record": record, "message": None}
            connection.execute(update(rounds).where(rounds.c.id == number).values(done))
