"""What the trainer writes down: rounds, models, what to ask next, and what the model expects."""

import time

import joblib
from sqlalchemy import delete, func, insert, select, update

from skal._files import write_atomically
from skal.label.store.settings import write_settings
from skal.label.store.tables import classes, models, predictions, queue, rounds

__all__ = [
    "begin_round",
    "end_interrupted",
    "fail_round",
    "list_rounds",
    "note",
    "publish",
    "save_model",
]

# Files of older models are removed.
_KEPT = 5


def begin_round(store, n_labels, strategy, record):
    """Write down that a round begins.

    Parameters
    ----------
    store : ProjectStore
        Open.
    n_labels : int
        Labels that its model is trained on.
    strategy : str
        What chooses.
    record : dict
        What the round adds.

    Returns
    -------
    int
        Number of the round.
    """
    with store.write() as connection:
        last = connection.execute(select(func.max(rounds.c.id))).scalar()
        number = 0 if last is None else last + 1
        row = {"id": number, "started": time.time(), "n_labels": n_labels, "status": "running"}
        row |= {"strategy": strategy, "record": record}
        connection.execute(insert(rounds).values(row))
    return number


def fail_round(store, number, message):
    """Write down that a round failed.

    Parameters
    ----------
    store : ProjectStore
        Open.
    number : int
        The round.
    message : str
        Why.
    """
    with store.write() as connection:
        failed = {"status": "failed", "ended": time.time(), "message": message[:500]}
        connection.execute(update(rounds).where(rounds.c.id == number).values(failed))


def note(store, status, message):
    """Write down what the training process is doing beside its rounds.

    Parameters
    ----------
    store : ProjectStore
        Open.
    status : {"ok", "preparing", "failed"}
        How it is.
    message : str or None
        What people should know of it.
    """
    with store.write() as connection:
        write_settings(connection, {"worker": {"status": status, "message": message}})


def end_interrupted(store, message):
    """Write down that rounds whose process is gone have failed.

    Parameters
    ----------
    store : ProjectStore
        Open, and no other process is training.
    message : str
        Why.
    """
    with store.write() as connection:
        failed = {"status": "failed", "ended": time.time(), "message": message[:500]}
        connection.execute(update(rounds).where(rounds.c.status == "running").values(failed))


def list_rounds(store):
    """Return all rounds, in order.

    Parameters
    ----------
    store : ProjectStore
        Open.

    Returns
    -------
    list of sqlalchemy.Row
    """
    with store.read() as connection:
        return connection.execute(select(rounds).order_by(rounds.c.id)).all()


def save_model(folder, number, model):
    """Save a model, and remove those of rounds long past.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the project.
    number : int
        The round.
    model : estimator
        Takes paths of recordings.

    Returns
    -------
    str
        The file, below `folder`.
    """
    name = f"models/round-{number:04d}.joblib"
    with write_atomically(folder / name) as file:
        joblib.dump(model, file)
    for old in sorted((folder / "models").glob("round-*.joblib"))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return name


def publish(store, number, *, ranking, guesses, record=None, model=None):
    """Write down what came of a round, all at once.

    Parameters
    ----------
    store : ProjectStore
        Open.
    number : int or None
        The round; None for the choice of the first clips.
    ranking : dict of str to list of (clip_id, score)
        What to ask next, by reason.
    guesses : list of (clip_id, class, probability)
        What the model expects.
    record : dict, default=None
        What came of the round.
    model : str, default=None
        File of the model.
    """
    now = time.time()
    with store.write() as connection:
        connection.execute(delete(queue))
        connection.execute(delete(predictions))
        rows = [
            {"reason": reason, "rank": rank, "round": number, "clip_id": clip_id, "score": score}
            for reason, chosen in ranking.items()
            for rank, (clip_id, score) in enumerate(chosen)
        ]
        table = dict(connection.execute(select(classes.c.name, classes.c.id)).all())
        expected = [
            {"clip_id": clip_id, "round": number, "class_id": table[name], "probability": p}
            for clip_id, name, p in guesses
        ]
        for target, content in ((queue, rows), (predictions, expected)):
            if content:
                connection.execute(insert(target), content)
        if number is not None:
            done = {"status": "done", "ended": now, "record": record, "message": None}
            connection.execute(update(rounds).where(rounds.c.id == number).values(done))
            _add_model(connection, number, model, sorted(table), now)


def _add_model(connection, number, path, names, now):
    n_labels = select(rounds.c.n_labels).where(rounds.c.id == number)
    row = {"round": number, "path": path, "created": now, "classes": names}
    row["n_labels"] = connection.execute(n_labels).scalar_one()
    connection.execute(insert(models).values(row))
