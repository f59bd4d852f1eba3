"""Answers: written once, never changed; undo and a changed label add rows."""

from sqlalchemy import bindparam, exists, insert, select, update

from skal.label.asking.checks import check_seconds, check_text
from skal.label.asking.questions import ask_again, is_leased
from skal.label.asking.records import KINDS, AnswerReceipt, ProjectError
from skal.label.asking.votes import SETTLING, last_standing, settle
from skal.label.store.tables import answers, asked, classes, clips, states

__all__ = ["add_answer", "change_label", "class_id_of", "take_back"]

# Put together once: that takes longer than to answer them.
_CLASSES = select(classes.c.name, classes.c.id)
_CLASS_NAME = select(classes.c.name).where(classes.c.id == bindparam("class"))
_QUESTION = select(asked).where(asked.c.id == bindparam("question"))
_EARLIER = (
    select(answers)
    .where(answers.c.asked_id == bindparam("question"), answers.c.kind != "undo")
    .order_by(answers.c.id)
)
_BY_KEY = select(answers).where(answers.c.client_key == bindparam("given"))
_ADD = insert(answers)
_CLOSE = (
    update(asked)
    .where(asked.c.id == bindparam("question"))
    .values(answer_id=bindparam("answer"), expires_at=bindparam("until"))
)


def class_id_of(connection, name):
    """Return the number of a class.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction.
    name : str
        The class.

    Returns
    -------
    int

    Raises
    ------
    ProjectError
        If there is no such class.
    """
    table = dict(connection.execute(_CLASSES).all())
    if not isinstance(name, str) or name not in table:
        known = ", ".join(sorted(table)[:20])
        raise ProjectError(
            "unknown_class", f"there is no class {name!r:.100}: one of {known}, or add it first"
        )
    return table[name]


def add_answer(connection, asked_id, person, kind, label, *, seconds, client_key, now):
    """Write an answer down, once.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    asked_id : int
        The question.
    person : str
        Who answers.
    kind : {"label", "skip", "unsure", "bad"}
        What.
    label : str or None
        The class, if the kind is "label".
    seconds : float or None
        Time taken, in s.
    client_key : str or None
        Of this answer, made by whoever sends it: an answer that arrives twice is written once.
    now : float
        The time, in s since 1970.

    Returns
    -------
    AnswerReceipt

    Raises
    ------
    ProjectError
        If the question is not this person's, somebody else has answered meanwhile, or the
        answer is none.
    """
    seconds = check_seconds(seconds)
    class_id = _check_kind(connection, kind, label)
    question = _question(connection, asked_id)
    if client_key is not None:
        client_key = check_text(client_key, "client_key", longest=64)
    same = (person, kind, class_id)
    before = _earlier(connection, question, client_key)
    if before is not None:
        return _receipt_again(connection, before, question, same)
    if question.person != person:
        raise ProjectError(
            "lease_lost", f"question {asked_id} is somebody else's: ask for the next clip"
        )
    _check_lease(connection, question, now)
    row = {
        "clip_id": question.clip_id,
        "person": person,
        "kind": kind,
        "class_id": class_id,
        "asked_id": asked_id,
        "seconds": seconds,
        "at": now,
        "round": question.round,
        "why": question.reason,
        "client_key": client_key,
    }
    answer_id = connection.execute(_ADD, row).inserted_primary_key[0]
    until = min(now, question.expires_at)
    connection.execute(_CLOSE, {"question": asked_id, "answer": answer_id, "until": until})
    settle(connection, question.clip_id, person)
    return _receipt(connection, answer_id, question, duplicate=False)


def change_label(connection, clip_id, person, kind, label, now):
    """Write down what a person says now about a clip, whatever was said before.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    clip_id : int
        The clip.
    person : str
        Who.
    kind : {"label", "skip", "unsure", "bad"}
        What.
    label : str or None
        The class, if the kind is "label".
    now : float
        The time, in s since 1970.

    Returns
    -------
    AnswerReceipt
    """
    class_id = _check_kind(connection, kind, label)
    if connection.execute(select(clips.c.id).where(clips.c.id == clip_id)).first() is None:
        raise ProjectError("unknown_clip", f"there is no clip {clip_id}")
    row = {"kind": kind, "class_id": class_id, "at": now, "why": "relabeled"}
    row |= {"clip_id": clip_id, "person": person}
    answer_id = connection.execute(insert(answers).values(row)).inserted_primary_key[0]
    settle(connection, clip_id, person)
    return AnswerReceipt(answer_id)


def take_back(connection, person, now, lease):
    """Take the last standing answer of a person back, and ask about the clip again.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    person : str
        Who.
    now : float
        The time, in s since 1970.
    lease : float
        Time for the new answer, in s.

    Returns
    -------
    int or None
        Number of the new question; None if there is nothing to take back.
    """
    last = last_standing(connection, person)
    if last is None:
        return None
    row = {"kind": "undo", "undoes": last.id, "at": now, "round": last.round, "why": last.why}
    row |= {"clip_id": last.clip_id, "person": person}
    connection.execute(insert(answers).values(row))
    settle(connection, last.clip_id, person)
    question = _last_question(connection, last)
    return ask_again(connection, question, now, lease)


def _last_question(connection, answer):
    """Return the question of an answer; for a changed label, that of the one before."""
    query = select(asked).where(asked.c.clip_id == answer.clip_id)
    query = query.where(asked.c.person == answer.person).order_by(asked.c.id.desc()).limit(1)
    found = connection.execute(query).first()
    if found is not None:
        return found
    never = {"reason": "random", "round": None, "guess": None, "guess_probability": None}
    return _Row(clip_id=answer.clip_id, person=answer.person, **never)


class _Row:
    def __init__(self, **values):
        self.__dict__.update(values)


def _check_kind(connection, kind, label):
    """Return the number of the class that an answer gives, or None."""
    if kind not in KINDS:
        raise ProjectError(
            "bad_answer", f"an answer is one of {', '.join(KINDS)}, not {kind!r:.100}"
        )
    if kind == "label":
        return class_id_of(connection, label)
    if label is not None:
        raise ProjectError("bad_answer", f"an answer of kind {kind!r} goes without a class")
    return None


def _question(connection, asked_id):
    question = connection.execute(_QUESTION, {"question": asked_id}).first()
    if question is None:
        raise ProjectError("unknown_question", f"question {asked_id} was never asked")
    return question


def _earlier(connection, question, client_key):
    """Return the answer that has this key or answers this question already, or None."""
    if client_key is not None:
        found = connection.execute(_BY_KEY, {"given": client_key}).first()
        if found is not None:
            return found
    return connection.execute(_EARLIER, {"question": question.id}).first()


def _receipt_again(connection, before, question, same):
    if before.asked_id != question.id:
        raise ProjectError(
            "bad_answer", "this client_key belongs to the answer to another question"
        )
    if (before.person, before.kind, before.class_id) != same:
        raise ProjectError(
            "lease_lost",
            f"question {question.id} is answered already: to change the label, take it back or "
            "relabel the clip",
        )
    return _receipt(connection, before.id, question, duplicate=True)


def _check_lease(connection, question, now):
    """Refuse a late answer if the clip has gone to somebody else meanwhile."""
    if question.expires_at > now:
        return
    lost = is_leased(question.clip_id, now)
    if question.reason != "shared":
        lost |= exists().where(
            states.c.clip_id == question.clip_id,
            states.c.person != question.person,
            states.c.kind.in_(SETTLING),
        )
    if connection.execute(select(lost)).scalar():
        raise ProjectError(
            "lease_lost",
            f"the time for question {question.id} is over, and somebody else was asked: nothing "
            "was written; ask for the next clip",
        )


def _receipt(connection, answer_id, question, *, duplicate):
    guess = None
    if question.guess is not None:
        guess = connection.execute(_CLASS_NAME, {"class": question.guess}).scalar()
    return AnswerReceipt(answer_id, duplicate, guess, question.guess_probability)
