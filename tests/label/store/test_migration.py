"""Projects of earlier versions open, with every answer."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from skal.label import LabelingProject, ProjectError
from skal.label.store.database import Database
from skal.label.store.tables import metadata
from tests.label.recordings import answer_next, write_tones

# A dump of a project whose tables had version 1: two people, every kind of answer, an undo, a
# changed label, a clip that was set aside, a question without an answer, and a trained round.
OLD = Path(__file__).parent / "data" / "project-v1.sql"
# The same of version 2: two people, a skip, an undo, a changed label.
SECOND = OLD.with_name("project-v2.sql")


@pytest.fixture
def old(tmp_path):
    """Return the recordings of an old project, and the class of each."""
    truth = write_tones(tmp_path / "recordings", 12)
    _write(tmp_path / "recordings", OLD)
    (tmp_path / "recordings" / ".skal" / "models").mkdir()
    (tmp_path / "recordings" / ".skal" / "models" / "round-0000.joblib").touch()
    return tmp_path / "recordings", truth


def test_answers_and_labels_are_intact(old):
    with LabelingProject(old[0]) as project:
        answers = project.answers()
        assert [answer.id for answer in answers] == list(range(1, 16))
        assert [answer.kind for answer in answers[:6]] == ["label"] * 6
        assert [answer.kind for answer in answers[6:11]] == [
            "unsure",
            "skip",
            "bad",
            "label",
            "undo",
        ]
        assert (answers[10].undoes, answers[10].reason) == (10, "random")
        assert [answer.question_id for answer in answers[:3]] == [1, 2, 3]
        assert (answers[14].reason, answers[14].question_id) == ("relabeled", None)
        assert {answer.person for answer in answers} == {"ann", "bob"}
        labels = {row.clip_id: row.label for row in project.labels()}
        assert labels == {
            0: "low",
            1: "high",
            2: "low",
            3: "low",
            4: "low",
            5: "high",
            6: "low",
            7: "high",
            8: None,
            9: "high",
            10: None,
            11: "high",
        }
        progress = project.progress()
        assert progress.per_kind == {"label": 10, "unsure": 1, "skip": 0, "bad": 1}
        assert progress.training.status == "idle"
        assert [info.name for info in project.classes] == ["low", "high"]
        assert project.problems() == [("0009.wav", "made up; for the test")]
        assert project.settings["random_state"] == 7
        assert project.model_path().name == "round-0000.joblib"


def _write(folder, dump):
    (folder / ".skal").mkdir(parents=True)
    connection = sqlite3.connect(folder / ".skal" / "project.sqlite")
    connection.executescript(dump.read_text())
    connection.close()


def test_a_project_of_the_second_version_opens_and_changes_its_classes(tmp_path):
    write_tones(tmp_path / "r", 12)
    _write(tmp_path / "r", SECOND)
    with LabelingProject(tmp_path / "r") as project:
        assert len(project.answers()) == 10
        expected = {0: "high", 1: "high", 2: "low", 5: "high", 6: "low", 9: "high", 11: None}
        assert {row.clip_id: row.label for row in project.labels()} == expected
        project.rename_class("low", "deep")
        project.retire_class("high")
        assert {row.label for row in project.labels()} == {"deep", None}
    with LabelingProject(tmp_path / "r") as project:
        project.restore_class("high")
        assert len(project.votes()) == 7


def test_labeling_continues(old):
    folder = old[0]
    truth = write_tones(folder, 20)
    with LabelingProject(folder) as project:
        held = project.next("cleo")
        assert held is not None
        receipt = project.answer(held.question_id, "cleo", "label", truth[held.name])
        assert receipt.answer_id == 16
        assert len(answer_next(project, "ann", truth, 5)) == 5
        assert project.undo("ann") is not None
        project.add_class("noise")
    with LabelingProject(folder) as project:
        assert len(project.answers()) == 22


@pytest.mark.parametrize("dump", [OLD, SECOND], ids=["v1", "v2"])
def test_the_upgraded_tables_are_those_of_a_new_project(tmp_path, dump):
    def described(path):
        database = Database(path).open()
        with database.read() as connection:
            found = inspect(connection)
            tables = {
                table: (
                    sorted(column["name"] for column in found.get_columns(table)),
                    sorted(index["name"] for index in found.get_indexes(table)),
                    sorted(key["referred_table"] for key in found.get_foreign_keys(table)),
                )
                for table in found.get_table_names()
            }
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        database.close()
        return tables

    _write(tmp_path, dump)
    upgraded = described(tmp_path / ".skal" / "project.sqlite")
    assert upgraded == described(tmp_path / "new.sqlite")
    assert set(upgraded) == set(metadata.tables)


def test_a_failed_upgrade_changes_nothing(old, monkeypatch):
    statements = ("DROP TABLE models", "ALTER TABLE nowhere RENAME TO elsewhere")
    monkeypatch.setattr("skal.label.store.migration._STEPS", {1: statements, 2: ()})
    with pytest.raises(ProjectError, match="nowhere"):
        LabelingProject(old[0]).open()
    connection = sqlite3.connect(old[0] / ".skal" / "project.sqlite")
    assert connection.execute("SELECT count(*) FROM models").fetchone() == (1,)
    connection.close()
