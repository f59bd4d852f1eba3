"""The clips of a folder: numbered once, whatever comes and goes."""

import os

import pytest
import soundfile
from sqlalchemy import update

from skal.label import LabelingProject, ProjectError
from skal.label.asking.clips import list_sound_files
from skal.label.store.tables import clips
from tests.label.recordings import RATE, write_tones


def names_of(project):
    """Return the file of every clip that may be asked, by number."""
    found, number = {}, 0
    while True:
        try:
            clip = project.clip(number)
        except ProjectError:
            return found
        if clip.problem is None:
            found[number] = clip.name
        number += 1


def test_files_are_found_in_folders_below(tmp_path):
    write_tones(tmp_path / "b", 2)
    write_tones(tmp_path / "a b" / "c", 1)
    write_tones(tmp_path / ".hidden", 1)
    (tmp_path / "notes.txt").write_text("no sound")
    assert list_sound_files(tmp_path) == ["a b/c/0000.wav", "b/0000.wav", "b/0001.wav"]
    assert list_sound_files(f"{tmp_path}/") == list_sound_files(tmp_path)


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_no_recordings(tmp_path, make):
    make(tmp_path / "there")
    with pytest.raises(ProjectError, match=r"no (folder|recordings)") as caught:
        LabelingProject(tmp_path / "there", ["a", "b"]).open()
    assert caught.value.code == "no_such_project"
    assert not (tmp_path / "there" / ".skal").exists()


def test_numbers_stay_when_files_come_and_go(tones):
    with LabelingProject(tones, ["low", "high"]) as project:
        before = names_of(project)
        assert list(before.values()) == sorted(before.values())
        question = project.next("ann")
        project.answer(question.question_id, "ann", "label", "low")
    gone = next(name for name in before.values() if name != question.name)
    (tones / gone).rename(tones / "aaaa.wav")
    (tones / question.name).rename(tones / "away")
    with project:
        assert names_of(project) == {
            number: name for number, name in before.items() if name not in (gone, question.name)
        } | {40: "aaaa.wav"}
        assert {name for name, _ in project.problems()} == {gone, question.name}
        assert [row.path for row in project.labels()] == [question.name]
    (tones / "aaaa.wav").rename(tones / gone)
    (tones / "away").rename(tones / question.name)
    with project:
        assert names_of(project) == before
        assert project.problems() == [("aaaa.wav", "the file is no longer there")]
        assert project.progress().n_labeled == 1
        # The one that was labeled is not asked again.
        asked = []
        while (again := project.next("bob")) is not None:
            project.answer(again.question_id, "bob", "skip")
            asked.append(again.name)
        assert sorted(asked) == sorted(set(before.values()) - {question.name})


def test_opening_again_reads_no_recording(tones, monkeypatch):
    with LabelingProject(tones, ["low", "high"], window=0.1) as project:
        before = names_of(project)

    def refuse(*args):
        raise AssertionError("a recording was opened")

    monkeypatch.setattr("skal.label.asking.clips.windows_of", refuse)
    with project:
        assert names_of(project) == before


def test_windows(tmp_path):
    write_tones(tmp_path, 2, duration=1.0)
    with LabelingProject(tmp_path, ["low", "high"], window=0.4, hop=0.3) as project:
        clips = [project.clip(number) for number in range(6)]
        assert [(clip.name, clip.start, clip.end) for clip in clips[:3]] == [
            ("0000.wav", 0.0, 0.4),
            ("0000.wav", pytest.approx(0.3), pytest.approx(0.7)),
            ("0000.wav", pytest.approx(0.6), pytest.approx(1.0)),
        ]
        question = project.next("ann")
        assert question.duration == pytest.approx(0.4)
        project.answer(question.question_id, "ann", "label", "low")
    with pytest.raises(ProjectError, match=r"window=0\.4") as caught:
        LabelingProject(tmp_path, window=0.5).open()
    assert caught.value.code == "bad_settings"
    with pytest.raises(ProjectError, match="hop needs window"):
        LabelingProject(tmp_path, folder=tmp_path / "other", hop=0.5).open()


def test_broken_recordings_are_set_aside_and_never_asked(tones):
    (tones / "0003.wav").write_bytes(b"")
    (tones / "0005.wav").write_bytes(b"no sound at all, but some bytes")
    (tones / "0007.wav").unlink()
    (tones / "0007.wav").symlink_to("nowhere")
    with LabelingProject(tones, ["low", "high"]) as project:
        asked = []
        while (question := project.next("ann")) is not None:
            asked.append(question.name)
            project.answer(question.question_id, "ann", "unsure")
        assert len(asked) == 37
        problems = dict(project.problems())
        assert problems.keys() == {"0003.wav", "0005.wav", "0007.wav"}
        assert "0 bytes" in problems["0003.wav"]
        assert project.progress().n_problems == 3


def test_a_clip_that_is_deleted_while_it_is_asked(project, tones):
    question = project.next("ann")
    (tones / question.name).unlink()
    project.answer(question.question_id, "ann", "bad")
    following = project.next("ann")
    (tones / following.name).unlink()
    # Asked again after a pause: the clip is gone, another one comes.
    other = project.next("ann")
    assert other.clip_id != following.clip_id
    assert project.clip(following.clip_id).problem.startswith("no such file")


def test_a_disk_that_is_gone_sets_nothing_aside(tones, tmp_path):
    with LabelingProject(tones, ["low", "high"], folder=tmp_path / "project") as project:
        moved = tones.rename(tones.parent / "unplugged")
        with pytest.raises(ProjectError, match="is gone"):
            project.next("ann")
        moved.rename(tones)
        assert project.problems() == []
        assert project.next("ann") is not None


@pytest.mark.skipif(os.name == "nt", reason="names are bytes only there")
def test_a_name_that_is_no_text(tones):
    sound, rate = soundfile.read(tones / "0000.wav")
    soundfile.write(os.fsencode(tones) + b"/caf\xe9.wav", sound, rate, format="WAV")
    with LabelingProject(tones, ["low", "high"]) as project:
        ((name, reason),) = project.problems()
        assert name == "caf\\xe9.wav"
        assert "UTF-8" in reason
    with project:
        assert len(project.problems()) == 1


@pytest.mark.skipif(os.name == "nt", reason="it separates folders there")
def test_a_name_with_a_backslash_is_set_aside(tones):
    (tones / "a").mkdir()
    (tones / "0000.wav").rename(tones / "a\\b.wav")
    (tones / "0001.wav").rename(tones / "a" / "b.wav")
    with LabelingProject(tones, ["low", "high"]) as project:
        assert project.problems() == [("a\\b.wav", "its name has a backslash: rename it")]
        assert project.progress().n_clips == 39


@pytest.mark.parametrize("path", ["../secret.wav", "a/../../secret.wav", "/tmp/secret.wav"])
def test_no_project_plays_files_from_elsewhere(project, path):
    with project.store.write() as connection:
        connection.execute(update(clips).where(clips.c.id == 0).values(path=path))
    with pytest.raises(ProjectError, match="is outside the folder of recordings"):
        project.clip(0)


def test_an_address_like_name_is_a_name(tmp_path):
    write_tones(tmp_path, 1)
    (tmp_path / "0000.wav").rename(tmp_path / "x#t=1,2.wav")
    with LabelingProject(tmp_path, ["low", "high"]) as project:
        assert project.next("ann").duration == pytest.approx(0.25, abs=1 / RATE)
