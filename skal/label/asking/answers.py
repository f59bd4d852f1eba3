"""Answers: append-only; undo and a changed label add rows that supersede earlier ones."""

from types import SimpleNamespace

from sqlalchemy import bindparam, exists, insert, select, update

from skal.label.asking.classes import class_ids, list_classes
from skal.label.asking.kinds import KINDS, LABEL, SETTLING
from skal.label.asking.questions import ask_again, is_leased
from skal.label.asking.records import AnswerReceipt
from skal.label.asking.values import check_seconds, check_text
from skal.label.asking.votes import last_valid, settle
from skal.label.store.project_error import ProjectError
from skal.label.store.tables import answers, classes, clips, questions, votes

__all__ = ["add_answer", "change_label", "correct_answer", "take_back"]

# Queries are built once: SQLAlchemy needs longer to build one than to run it.
_CLASS_NAME = select(classes.c.name).where(classes.c.id == bindparam("class"))
_QUESTION = select(questions).where(questions.c.id == bindparam("question"))
_EARLIER = (
    select(answers)
    .where(answers.c.question_id == bindparam("question"), answers.c.kind != "undo")
    .order_by(answers.c.id)
)
_BY_KEY = select(answers).where(answers.c.client_key == bindparam("given"))
_ADD = insert(answers)
_CLOSE = (
    update(questions)
    .where(questions.c.id == bindparam("question"))
    .values(answer_id=bindparam("answer"), expires_at=bindparam("until"))
)


def _class_id_of(connection, name):
    """Return the number of the class that a name stands for."""
    table = class_ids(connection)
    if not isinstance(name, str) or name not in table:
        known = ", ".join(sorted(info.name for info in list_classes(connection))[:20])
        raise ProjectError(
            "unknown_class", f"there is no class {name!r:.100}: use {known}, or add it first"
        )
    return table[name]


def add_answer(connection, question_id, person, kind, label, *, seconds, client_key, now):
    """Store an answer; a repeat with the same `client_key` adds nothing."""
    seconds = check_seconds(seconds)
    class_id = _check_kind(connection, kind, label)
    question = _question(connection, question_id)
    if client_key is not None:
        client_key = check_text(client_key, "client_key", longest=64)
    same = (person, kind, class_id)
    before = _earlier(connection, question, client_key)
    if before is not None:
        return _receipt_again(connection, before, question, same)
    if question.person != person:
        raise ProjectError(
            "lease_lost",
            f"question {question_id} belongs to another person: get the next clip",
        )
    _check_lease(connection, question, now)
    row = {
        "clip_id": question.clip_id,
        "person": person,
        "kind": kind,
        "class_id": class_id,
        "question_id": question_id,
        "seconds": seconds,
        "at": now,
        "round": question.round,
        "reason": question.reason,
        "client_key": client_key,
    }
    answer_id = connection.execute(_ADD, row).inserted_primary_key[0]
    until = min(now, question.expires_at)
    connection.execute(_CLOSE, {"question": question_id, "answer": answer_id, "until": until})
    settle(connection, question.clip_id)
    return _receipt(connection, answer_id, question, duplicate=False)


def change_label(connection, clip_id, person, kind, label, now):
    """Store an answer without a question, such as a correction."""
    class_id = _check_kind(connection, kind, label)
    if connection.execute(select(clips.c.id).where(clips.c.id == clip_id)).first() is None:
        raise ProjectError("unknown_clip", f"there is no clip {clip_id}")
    row = {"kind": kind, "class_id": class_id, "at": now, "reason": "relabeled"}
    row |= {"clip_id": clip_id, "person": person}
    answer_id = connection.execute(insert(answers).values(row)).inserted_primary_key[0]
    settle(connection, clip_id)
    return AnswerReceipt(answer_id)


def correct_answer(connection, answer_id, person, kind, label, now):
    """Replace a current answer of any person with a correction."""
    class_id = _check_kind(connection, kind, label)
    given = connection.execute(select(answers).where(answers.c.id == answer_id)).first()
    if given is None:
        raise ProjectError("bad_answer", f"there is no answer {answer_id}")
    standing = connection.execute(select(votes).where(votes.c.clip_id == given.clip_id)).all()
    if answer_id not in [vote.answer_id for vote in standing]:
        # A client repeats an answer if the confirmation was lost.
        for vote in standing:
            if (vote.person, vote.kind, vote.class_id) == (person, kind, class_id):
                return AnswerReceipt(vote.answer_id, duplicate=True)
        raise ProjectError(
            "superseded",
            "this answer has been taken back or corrected in the meantime: look at the newest one",
        )
    row = {"kind": kind, "class_id": class_id, "at": now, "reason": "relabeled"}
    row |= {"clip_id": given.clip_id, "person": person}
    row["undoes"] = None if given.person == person else answer_id
    number = connection.execute(insert(answers).values(row)).inserted_primary_key[0]
    settle(connection, given.clip_id)
    return AnswerReceipt(number)


def take_back(connection, person, now, lease):
    """Take back a person's last valid answer, and ask about the clip again."""
    # Return the number of the question, and the answer.
    last = last_valid(connection, person)
    if last is None:
        return None, None
    row = {
        "kind": "undo",
        "undoes": last.id,
        "at": now,
        "round": last.round,
        "reason": last.reason,
    }
    row |= {"clip_id": last.clip_id, "person": person}
    connection.execute(insert(answers).values(row))
    settle(connection, last.clip_id)
    question = _last_question(connection, last)
    return ask_again(connection, question, now, lease), last.name or KINDS[last.kind].title


def _last_question(connection, answer):
    """Return the newest question about the clip, as a changed label has no question of its own."""
    query = select(questions).where(questions.c.clip_id == answer.clip_id)
    query = (
        query.where(questions.c.person == answer.person).order_by(questions.c.id.desc()).limit(1)
    )
    found = connection.execute(query).first()
    if found is not None:
        return found
    # The person changed a label without ever being asked.
    never = {"reason": "random", "round": None, "guess": None, "guess_probability": None}
    return SimpleNamespace(clip_id=answer.clip_id, person=answer.person, **never)


def _check_kind(connection, kind, label):
    """Check the kind of an answer; return the number of its class, or None."""
    if kind not in KINDS:
        raise ProjectError(
            "bad_answer", f"an answer must be one of {', '.join(KINDS)}, not {kind!r:.100}"
        )
    if kind == LABEL:
        return _class_id_of(connection, label)
    if label is not None:
        raise ProjectError("bad_answer", f"an answer of kind {kind!r} takes no class")
    return None


def _question(connection, question_id):
    question = connection.execute(_QUESTION, {"question": question_id}).first()
    if question is None:
        raise ProjectError("unknown_question", f"there is no question {question_id}")
    return question


def _earlier(connection, question, client_key):
    """Return an earlier answer with this key or to this question, or None."""
    if client_key is not None:
        found = connection.execute(_BY_KEY, {"given": client_key}).first()
        if found is not None:
            return found
    return connection.execute(_EARLIER, {"question": question.id}).first()


def _receipt_again(connection, before, question, same):
    if before.question_id != question.id:
        raise ProjectError(
            "bad_answer", "this client_key belongs to an answer to another question"
        )
    if (before.person, before.kind, before.class_id) != same:
        raise ProjectError(
            "lease_lost",
            f"question {question.id} already has an answer: to change it, undo it or relabel the "
            "clip",
        )
    return _receipt(connection, before.id, question, duplicate=True)


def _check_lease(connection, question, now):
    """Refuse a late answer if another person was asked about the clip in the meantime."""
    if question.expires_at > now:
        return
    lost = is_leased(question.clip_id, now)
    if question.reason != "shared":
        lost |= exists().where(
            votes.c.clip_id == question.clip_id,
            votes.c.person != question.person,
            votes.c.kind.in_(SETTLING),
        )
    if connection.execute(select(lost)).scalar():
        raise ProjectError(
            "lease_lost",
            f"the time for question {question.id} is over, and another person was asked. Nothing "
            "was stored; get the next clip",
        )


def _receipt(connection, answer_id, question, *, duplicate):
    guess = None
    if question.guess is not None:
        guess = connection.execute(_CLASS_NAME, {"class": question.guess}).scalar()
    return AnswerReceipt(answer_id, duplicate, guess, question.guess_probability)
