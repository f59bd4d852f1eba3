"""Answers: each is written once, and nothing that was written is ever changed."""

import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skal.label import LabelingProject, ProjectError, Trainer
from skal.label.asking.records import ImportedLabel
from skal.label.asking.votes import verdict
from tests.label.recordings import answer_next


def ask_and_answer(project, person, kind="label", label="low", **given):
    question = project.next(person)
    return question, project.answer(question.question_id, person, kind, label, **given)


def standing(project):
    return {row.clip_id: (row.kind, row.label) for row in project.labels()}


def test_an_answer_that_is_sent_twice_is_written_once(project):
    question, first = ask_and_answer(project, "ann", client_key="k")
    for key in ("k", None, "another"):
        again = project.answer(question.question_id, "ann", "label", "low", 3.0, key)
        assert (again.answer_id, again.duplicate) == (first.answer_id, True)
    assert not first.duplicate
    assert len(project.answers()) == 1


def test_a_key_belongs_to_one_question(project):
    ask_and_answer(project, "ann", client_key="k")
    question = project.next("ann")
    with pytest.raises(ProjectError, match="another question") as caught:
        project.answer(question.question_id, "ann", "label", "low", client_key="k")
    assert caught.value.code == "bad_answer"


def test_a_question_has_one_answer(project):
    question, _ = ask_and_answer(project, "ann")
    for person, label in (("ann", "high"), ("bob", "low")):
        with pytest.raises(ProjectError, match="already has an answer") as caught:
            project.answer(question.question_id, person, "label", label)
        assert caught.value.code == "lease_lost"
    assert len(project.answers()) == 1


def test_nobody_answers_for_another(project):
    question = project.next("ann")
    with pytest.raises(ProjectError, match="another person"):
        project.answer(question.question_id, "bob", "label", "low")


@pytest.mark.parametrize(
    ("given_answer", "code"),
    [
        (("label", None), "unknown_class"),
        (("label", "no such class"), "unknown_class"),
        (("label", ["low"]), "unknown_class"),
        (("maybe", None), "bad_answer"),
        ((None, None), "bad_answer"),
        (("undo", None), "bad_answer"),
        (("skip", "low"), "bad_answer"),
        (("label", "low", -1.0), "bad_answer"),
        (("label", "low", float("nan")), "bad_answer"),
        (("label", "low", "long"), "bad_answer"),
        (("label", "low", 1.0, ""), "bad_answer"),
        (("label", "low", 1.0, "k" * 65), "bad_answer"),
        (("label", "low", 1.0, "\x00"), "bad_answer"),
    ],
)
def test_what_is_no_answer(project, given_answer, code):
    question = project.next("ann")
    with pytest.raises(ProjectError) as caught:
        project.answer(question.question_id, "ann", *given_answer)
    assert caught.value.code == code
    assert project.answers() == []


@pytest.mark.parametrize("number", [0, -1, 99, 2**31, 2**70, "1", None, 1.0, True])
def test_questions_that_were_never_asked(project, number):
    with pytest.raises(ProjectError) as caught:
        project.answer(number, "ann", "label", "low")
    assert caught.value.code == "unknown_question"
    with pytest.raises(ProjectError) as caught:
        project.relabel(99 if number in (0, True) else number, "ann", "label", "low")
    assert caught.value.code == "unknown_clip"


def test_undo_goes_back_step_by_step(project):
    first, _ = ask_and_answer(project, "ann", label="low")
    second, _ = ask_and_answer(project, "ann", "bad", None)
    ask_and_answer(project, "bob", label="high")
    again = project.undo("ann")
    assert (again.clip_id, again.reason) == (second.clip_id, second.reason)
    assert again.question_id != second.question_id
    assert project.undo("ann").clip_id == first.clip_id
    assert project.undo("ann") is None
    assert [row.person for row in project.labels()] == ["bob"]
    kinds = [answer.kind for answer in project.answers()]
    assert kinds == ["label", "bad", "label", "undo", "undo"]
    project.answer(again.question_id, "ann", "label", "high")
    assert standing(project)[second.clip_id] == ("label", "high")


def test_undo_of_a_changed_label_brings_the_old_one_back(project):
    question, _ = ask_and_answer(project, "ann", label="low")
    project.relabel(question.clip_id, "ann", "label", "high")
    assert standing(project)[question.clip_id] == ("label", "high")
    project.undo("ann")
    assert standing(project)[question.clip_id] == ("label", "low")
    project.relabel(30 if question.clip_id != 30 else 31, "cid", "unsure")
    assert project.undo("cid").reason == "random"


def test_most_people_win_and_the_first_of_equals(project):
    clip = project.next("ann").clip_id
    project.relabel(clip, "ann", "label", "low")
    project.relabel(clip, "bob", "label", "high")
    (row,) = project.labels()
    assert (row.label, row.person, row.n_people, row.n_agree) == ("low", "ann", 2, 1)
    project.relabel(clip, "cid", "label", "high")
    (row,) = project.labels()
    assert (row.label, row.person, row.n_people, row.n_agree) == ("high", "bob", 3, 2)
    project.relabel(clip, "dan", "skip")
    assert project.labels()[0].n_people == 3


def test_answers_know_when_and_why(project):
    question, receipt = ask_and_answer(project, "ann", seconds=2.5)
    (answer,) = project.answers()
    assert (answer.id, answer.question_id) == (receipt.answer_id, question.question_id)
    assert (answer.path, answer.seconds, answer.reason) == (question.name, 2.5, "random")
    assert answer.at.utcoffset().total_seconds() == 0
    progress = project.progress()
    assert progress.minutes_listened == pytest.approx(2.5 / 60)
    assert progress.seconds_left_at_this_pace == pytest.approx(39 * 2.5)


def test_progress_counts_clips(project):
    for kind, label in [("label", "low"), ("label", "low"), ("unsure", None), ("bad", None)]:
        ask_and_answer(project, "ann", kind, label)
    skipped, _ = ask_and_answer(project, "ann", "skip", None)
    progress = project.progress()
    assert progress.n_labeled == 2
    assert progress.per_class == {"low": 2, "high": 0}
    assert progress.per_kind == {"label": progress.n_labeled, "unsure": 1, "skip": 1, "bad": 1}
    assert progress.n_clips == 40
    assert progress.estimate is progress.labels_saved is progress.advice is None
    assert progress.training.status == "waiting"
    project.relabel(skipped.clip_id, "bob", "label", "high")
    assert project.progress().per_kind["skip"] == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from(["low", "high", None])),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("relabel"), st.tuples(st.integers(0, 5), st.sampled_from("lh"))),
    ),
    max_size=25,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 100))
def test_what_stands_is_what_a_simple_history_says(tones, tmp_path, steps, seed):
    """Compare with a list of steps, from which an undo removes the last one."""
    folder = tempfile.mkdtemp(dir=tmp_path)
    with LabelingProject(tones, ["low", "high"], folder=folder, random_state=seed) as project:
        history = []
        for step, value in steps:
            if step == "undo":
                question = project.undo("ann")
                assert (question is None) == (not history)
                if history:
                    assert history.pop()[0] == question.clip_id
                continue
            if step == "relabel":
                clip, label = value[0], {"l": "low", "h": "high"}[value[1]]
                project.relabel(clip, "ann", "label", label)
            else:
                question = project.next("ann")
                clip, label = question.clip_id, value
                kind = "label" if label else "unsure"
                project.answer(question.question_id, "ann", kind, label)
            history.append((clip, label))
        expected = {clip: ("label" if label else "unsure", label) for clip, label in history}
        assert standing(project) == expected
        assert project.progress().n_labeled == sum(
            kind == "label" for kind, _ in expected.values()
        )
        n_open = 40 - len(expected)
        pace = project.progress().seconds_left_at_this_pace
        assert pace is None
        project.release("ann")
        left = 0
        while (question := project.next("bob")) is not None:
            project.answer(question.question_id, "bob", "skip")
            left += 1
        assert left == n_open


def test_verdict_of_nobody():
    assert verdict([])["kind"] is None


def test_classes_and_their_keys(project):
    assert [(c.name, c.key) for c in project.classes] == [("low", "1"), ("high", "2")]
    assert project.add_class("siren", "x").key == "x"
    assert project.add_class("low").key == "1"
    for i in range(3, 10):
        project.add_class(f"class {i}")
    assert [c.key for c in project.classes][3:] == list("3456789")
    assert project.add_class("zebra").key == "e"
    for name, key in [
        ("new", "1"),
        ("new", "u"),
        ("new", "Z"),
        ("new", "ab"),
        ("new", "é"),
        ("", None),
        ("a\u202eb", None),
        ("\ud800", None),
        ("x" * 201, None),
        (7, None),
    ]:
        with pytest.raises(ProjectError) as caught:
            project.add_class(name, key)
        assert caught.value.code == "bad_class"
    hostile = "<script>alert('x')</script>; DROP TABLE answers; ../../etc"
    assert project.add_class(hostile).name == hostile
    question = project.next("ann")
    project.answer(question.question_id, "ann", "label", hostile)
    assert project.labels()[0].label == hostile


def test_imported_labels(project, tones, truth):
    question, _ = ask_and_answer(project, "ann", label=None, kind="unsure")
    other = next(name for name in truth if name != question.name)
    third = next(name for name in truth if name not in (question.name, other))
    report = project.import_labels(
        [
            ImportedLabel(other, None, None, "low"),
            ImportedLabel(str(tones / third), None, None, "high"),
            ImportedLabel(third, None, None, "low"),
            ImportedLabel("elsewhere.wav", None, None, "low"),
            ImportedLabel("0001.wav", 0.0, 0.1, "low"),
            ImportedLabel("0002.wav", None, None, "cat"),
            ImportedLabel(question.name, None, None, "low"),
        ]
    )
    assert report.n_added == 2
    assert report.unknown_files == ("elsewhere.wav", "0001.wav (0.0 to 0.1 s)")
    assert report.unknown_classes == ("cat",)
    assert report.conflicts == ((third, "high", "low"), (question.name, "unsure", "low"))
    rows = {row.path: row for row in project.labels()}
    assert (rows[other].label, rows[other].reason) == ("low", "imported")
    assert rows[question.name].kind == "unsure"
    again = project.import_labels([ImportedLabel(other, None, None, "low")])
    assert again.n_added == 0 and again.conflicts == ()


def test_labels_of_windows_are_imported_by_their_times(tones, tmp_path):
    given_parts = {"window": 0.1, "folder": tmp_path / "p"}
    with LabelingProject(tones, ["low", "high"], **given_parts) as project:
        report = project.import_labels(
            [
                ImportedLabel("0000.wav", 0.1, 0.2000004, "low"),
                ImportedLabel("0000.wav", 0.15, 0.25, "low"),
                ImportedLabel("0000.wav", None, None, "low"),
            ]
        )
        assert (report.n_added, len(report.unknown_files)) == (1, 2)
        assert (project.labels()[0].start, project.labels()[0].end) == (0.1, 0.2)


def test_settings_last(tones, truth):
    with LabelingProject(tones, ["low", "high"], n_instances=7, lease=5) as project:
        answer_next(project, "ann", truth, 3)
    with LabelingProject(tones, ["third"], audit_share=0.5) as project:
        found = {name: project.settings[name] for name in ("n_instances", "lease", "audit_share")}
        assert found == {"n_instances": 7, "lease": 5, "audit_share": 0.5}
        assert [c.name for c in project.classes] == ["low", "high", "third"]
        assert len(project.labels()) == 3
    with pytest.raises(ProjectError, match="random_state=0"):
        LabelingProject(tones, random_state=1).open()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_instances", 0),
        ("n_instances", 1.5),
        ("audit_share", 1.1),
        ("shared_share", "x"),
        ("lease", 0),
        ("lease", float("inf")),
        ("show_guess", 1),
        ("window", -1),
        ("window", 1e-9),
        ("hop", 1e-4),
        ("random_state", -1),
    ],
)
def test_settings_that_make_no_sense(tones, name, value):
    with pytest.raises(ProjectError, match=f"{name} must be") as caught:
        LabelingProject(tones, ["low", "high"], **{name: value}).open()
    assert caught.value.code == "bad_settings"


def test_a_closed_project_says_so(tones):
    project = LabelingProject(tones, ["low", "high"])
    for use in (
        project.progress,
        project.labels,
        Trainer(project).train,
        lambda: project.next("ann"),
    ):
        with pytest.raises(ProjectError, match="call open"):
            use()
