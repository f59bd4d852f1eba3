"""Kinds of answers: one definition for tables, API, page and terminal."""

import pytest

from skal.label.asking.kinds import KINDS, LABEL, RESERVED_KEYS, SETTLING, UNDO_KEY
from skal.label.store.tables import answers
from skal.label.terminal import _HELP
from skal.label.web.routes.schemas import AnswerIn


def test_keys_are_single_and_different():
    keys = [UNDO_KEY, *(kind.key for kind in KINDS.values() if kind.key)]
    assert all(len(key) == 1 and key.isascii() and key.islower() for key in keys)
    assert len(set(keys)) == len(keys) == len(RESERVED_KEYS)


def test_names_fit_the_tables():
    assert all(len(kind.name) <= answers.c.kind.type.length for kind in KINDS.values())
    assert KINDS[LABEL].key is None  # the keys of the classes give it
    assert set(SETTLING) == set(KINDS) - {"skip"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_stored_and_counted(project, kind):
    question = project.next("ann")
    label = "low" if kind == LABEL else None
    project.answer(question.question_id, "ann", kind, label)
    assert project.progress().per_kind == dict.fromkeys(KINDS, 0) | {kind: 1}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_is_in_the_api_and_the_terminal(kind):
    given = AnswerIn(question_id=1, person="ann", kind=kind.name)
    assert given.kind == kind.name
    assert kind.key is None or f"{kind.key}: {kind.title.lower()}" in _HELP
