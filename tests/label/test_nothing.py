"""A class that means that nothing of interest is heard: shown apart, never a detection."""

import csv
import io

import pytest
from sklearn.linear_model import LogisticRegression
from sqlalchemy import update

from skal.label import LabelingProject
from skal.label.formats import export_labels
from skal.label.store.project_error import ProjectError
from skal.label.store.tables import questions
from skal.recognizer import Recognizer, write_predictions
from tests.label.recordings import train, write_tones


@pytest.fixture
def folder(tmp_path):
    write_tones(tmp_path / "rec", 12)
    return tmp_path / "rec"


def answer(project, n, label):
    for _ in range(n):
        question = project.next("ann")
        project.answer(question.question_id, "ann", "label", label(question.clip_id))


def test_it_is_the_last_class_and_stays_with_the_project(folder):
    with LabelingProject(folder, ["a", "b"], nothing="empty") as project:
        assert project.nothing == "empty"
        assert [(i.name, i.key, i.nothing) for i in project.classes] == [
            ("a", "1", False),
            ("b", "2", False),
            ("empty", "3", True),
        ]
    with LabelingProject(folder) as project:
        project.mark_nothing("a")
        assert [info.name for info in project.classes] == ["b", "empty", "a"]
        assert list(project.progress().per_class) == ["b", "empty", "a"]
        project.mark_nothing(None)
        assert project.nothing is None


def test_it_follows_its_class(folder):
    with LabelingProject(folder, ["a", "b"], nothing="empty") as project:
        project.rename_class("empty", "silence")
        assert project.nothing == "silence"
        project.merge_class("silence", "b")
        assert project.nothing == "b"
        project.restore_class("silence")
        assert project.nothing == "silence"
        project.retire_class("silence")
        assert project.nothing is None
        with pytest.raises(ProjectError, match="was retired"):
            project.mark_nothing("silence")


def test_files_that_mark_sounds_leave_it_out(folder):
    with LabelingProject(folder, ["a"], nothing="empty") as project:
        answer(project, 4, lambda clip_id: "a" if clip_id % 2 else "empty")
        rows = project.labels()
    n_silent = sum(row.nothing for row in rows)
    assert n_silent and all(row.nothing == (row.label == "empty") for row in rows)
    formats = {"raven": True, "audacity": True, "csv": False, "labelstudio": False}
    for format, told in formats.items():
        stream = io.BytesIO()
        problems = export_labels(rows, format, stream, root=folder)
        assert [str(p) for p in problems if "nothing of interest" in str(p)] == (
            [
                f"labels, empty: left out {n_silent} clips with nothing of interest: {format} "
                "marks sounds"
            ]
            if told
            else []
        )
        assert (b"empty" in stream.getvalue()) == (not told)


def test_the_audit_counts_it(folder):
    with LabelingProject(folder, ["a"], nothing="empty", audit_share=1.0) as project:
        question = project.next("ann")
        nothing = project.classes[-1].id
        with project.store.write() as connection:
            asked = questions.c.id == question.question_id
            audited = {"reason": "audit", "guess": nothing, "round": 1}
            connection.execute(update(questions).where(asked).values(audited))
        project.answer(question.question_id, "ann", "label", "empty")
        assert project.progress().estimate.n == 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "rec"
    write_tones(folder, 12)
    model = LogisticRegression(max_iter=1000)
    with LabelingProject(folder, ["a"], nothing="empty", estimator=model) as project:
        answer(project, 8, lambda clip_id: "a" if clip_id % 2 else "empty")
        assert train(project) is not None
        return folder, project.model_path()


def rows_of(recognizer, folder, **options):
    stream = io.BytesIO()
    report = write_predictions(recognizer, folder, stream, **options)
    return report, list(csv.DictReader(io.StringIO(stream.getvalue().decode())))


def test_predictions_name_it_only_if_asked(trained):
    folder, path = trained
    recognizer = Recognizer.load(path)
    assert recognizer.nothing == "empty"
    report, rows = rows_of(recognizer, folder)
    shown, all_rows = rows_of(recognizer, folder, count_nothing=True)
    assert {row["label"] for row in rows} == {"a", "none of these"}
    assert {row["label"] for row in all_rows} == {"a", "empty"}
    assert report.n_none == sum(row["label"] == "empty" for row in all_rows) and shown.n_none == 0
    assert all(row["empty"] == other["empty"] for row, other in zip(rows, all_rows, strict=True))
