"""The answers that stand: listed newest first, filtered, and corrected by anyone."""

import pytest

from skal.label import ProjectError, Trainer
from skal.label.asking.records import ImportedLabel
from tests.label.recordings import answer_next, train


def test_votes_are_listed_newest_first_and_filtered(project, truth):
    names = answer_next(project, "ann", truth, 5)
    names += answer_next(project, "bob", truth, 3)
    question = project.next("bob")
    project.answer(question.question_id, "bob", "unsure")
    votes = project.votes()
    assert [vote.path for vote in votes] == [question.name, *reversed(names)]
    assert project.people == ("ann", "bob")
    assert [vote.path for vote in project.votes(person="ann")] == names[4::-1]
    low = [name for name in reversed(names) if truth[name] == "low"]
    assert [vote.path for vote in project.votes(label="low")] == low
    assert [vote.kind for vote in project.votes(kind="unsure")] == ["unsure"]
    first = project.votes(limit=4)
    assert first + project.votes(before=first[-1].answer_id) == votes
    with pytest.raises(ProjectError, match="a kind is one of"):
        project.votes(kind="x")


def test_the_fifth_of_forty_answers_is_corrected(project, truth):
    names = answer_next(project, "ann", truth, 40)
    fifth = project.votes()[-5]
    assert fifth.path == names[4]
    other = {"low": "high", "high": "low"}[fifth.label]
    receipt = project.correct(fifth.answer_id, "bob", "label", other)
    assert not receipt.duplicate
    found = {row.path: (row.label, row.person, row.n_people) for row in project.labels()}
    assert found[fifth.path] == (other, "bob", 1)
    assert len(found) == 40
    assert project.votes()[0].path == fifth.path
    assert len(project.answers()) == 41
    assert project.answers()[-1].undoes == fifth.answer_id
    # Sent again, it is stored once; meant for the former answer, it is refused.
    assert project.correct(fifth.answer_id, "bob", "label", other).duplicate
    with pytest.raises(ProjectError) as caught:
        project.correct(fifth.answer_id, "cid", "bad")
    assert caught.value.code == "superseded"
    assert project.undo("bob").taken_back == other
    assert {r.path: (r.label, r.person) for r in project.labels()}[fifth.path] == (
        fifth.label,
        "ann",
    )


def test_a_correction_brings_no_older_answer_back(project):
    project.relabel(0, "ann", "label", "low")
    project.relabel(0, "ann", "label", "high")
    (vote,) = project.votes()
    project.correct(vote.answer_id, "bob", "unsure")
    assert [(vote.person, vote.kind) for vote in project.votes()] == [("bob", "unsure")]
    project.relabel(0, "ann", "label", "low")  # she may still say otherwise
    assert [vote.person for vote in project.votes()] == ["ann", "bob"]


@pytest.mark.parametrize("number", [0, 99, -1, "1", None])
def test_answers_that_were_never_given(project, number):
    with pytest.raises(ProjectError) as caught:
        project.correct(number, "ann", "label", "low")
    assert caught.value.code == "bad_answer"


def test_an_import_may_replace_answers(project):
    project.relabel(0, "ann", "label", "low")
    project.relabel(0, "bob", "label", "low")
    project.relabel(1, "ann", "label", "high")
    rows = [ImportedLabel(f"000{i}.wav", None, None, "high") for i in range(3)]
    again = ImportedLabel("0000.wav", None, None, "low")
    report = project.import_labels(rows)
    assert (report.n_added, report.n_replaced, len(report.conflicts)) == (1, 0, 1)
    report = project.import_labels([*rows, again], replace=True)
    assert (report.n_added, report.n_replaced, report.n_known) == (1, 1, 2)
    assert report.conflicts == (("0000.wav", "high", "low"),)  # of the table itself
    assert [(row.label, row.n_people) for row in project.labels()] == [("high", 1)] * 3
    assert [answer.label for answer in project.answers()[:2]] == ["low", "low"]


def test_the_model_disagrees(project, truth):
    wrong = {"low": "high", "high": "low"}
    assert project.votes(disagrees=True) == []
    for name in answer_next(project, "ann", truth, 12):
        del name
    train(project)
    question = project.next("ann")
    project.answer(question.question_id, "ann", "label", wrong[truth[question.name]])
    found = project.votes(disagrees=True)
    assert question.name in [vote.path for vote in found]
    assert all(vote.guess != vote.label and vote.guess_probability > 0.4 for vote in found)
    # After a round the newest model has predicted every labeled clip.
    answer_next(project, "ann", truth, 10)
    train(project)
    votes = project.votes()
    assert len(votes) == 23
    assert {vote.guess for vote in votes} == {"low", "high"}


def test_what_a_model_has_learned_is_no_guess(project, truth):
    answer_next(project, "ann", truth, 12)
    train(project)
    last = project.votes()[0]
    project.undo("ann")
    project.release("ann")
    while (question := project.next("bob")).clip_id != last.clip_id:
        project.answer(question.question_id, "bob", "skip")
    project.answer(question.question_id, "bob", "label", "low")
    (vote,) = project.votes(person="bob", kind="label")
    assert project.answer(question.question_id, "bob", "label", "low").guess is None
    assert vote.label == "low"


def test_a_renamed_class_is_learned_anew(project, truth):
    answer_next(project, "ann", truth, 12)
    trainer = Trainer(project)
    assert trainer.train() == 0
    project.rename_class("low", "deep")
    with trainer.hold():
        assert trainer.step(at_least=10) == 1
    assert {vote.guess for vote in project.votes()} == {"deep", "high"}
