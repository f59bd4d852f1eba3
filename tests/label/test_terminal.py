"""Labeling in a terminal: keys, what is shown, what is played, what is stored."""

import io
import os
import pty
import stat
import sys
import time

import numpy as np
import pytest
import soundfile
from rich.console import Console
from sklearn.linear_model import LogisticRegression

from skal.label import LabelingProject
from skal.label.playback import Player, find_player
from skal.label.terminal import label_in_terminal, read_keys
from tests.label.recordings import Bands, train, write_tones


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        soundfile.write(folder / f"{i}[red].wav", rng.uniform(-0.1, 0.1, 4000), 8000)
    return folder


@pytest.fixture
def project(recordings):
    with LabelingProject(recordings, ["dog", "[bold]siren"], audit_share=0.0) as opened:
        yield opened


class Keys:
    """Keys and lines that somebody presses, and the end of the input after them."""

    def __init__(self, keys, lines=()):
        self.keys, self.lines = list(keys), list(lines)

    def __call__(self):
        return self.keys.pop(0) if self.keys else ""

    def line(self):
        return self.lines.pop(0)


def label(project, keys, lines=(), player=None):
    """Label with these keys and return what was shown."""
    screen = io.StringIO()
    label_in_terminal(
        project,
        "ada",
        train=False,
        console=Console(file=screen, width=200),
        read_key=Keys(keys, lines),
        player=Player(None) if player is None else player,
    )
    return screen.getvalue()


def kinds(project):
    return [(answer.kind, answer.label) for answer in project.answers()]


def test_keys_are_those_of_the_page(project):
    shown = label(project, "12usb")
    assert kinds(project) == [
        ("label", "dog"),
        ("label", "[bold]siren"),
        ("unsure", None),
        ("skip", None),
        ("bad", None),
    ]
    assert len({answer.clip_id for answer in project.answers()}) == 5
    assert {answer.person for answer in project.answers()} == {"ada"}
    assert all(answer.seconds >= 0 for answer in project.answers())
    assert "1: dog   2: [bold]siren" in shown  # a name, not markup
    assert "[red].wav (0.5 s)" in shown
    assert "5 answers, all saved" in shown
    assert "0 of 6 clips labeled, the first model needs a few labels" in shown


def test_undo_asks_the_same_clip_again(project):
    label(project, "1z2q")
    assert [answer.kind for answer in project.answers()] == ["label", "undo", "label"]
    (row,) = project.labels()
    assert row.label == "[bold]siren"
    assert "nothing to take back" in label(project, "zzzq")


@pytest.mark.parametrize("key", ["q", "\x1b", "\x04", ""])
def test_stopping_gives_the_clip_back(project, key):
    assert "0 answers, all saved" in label(project, [key])
    assert project.answers() == []
    first = project.next("bob")
    assert project.next("ada").clip_id != first.clip_id


def test_a_class_is_added_by_name(project):
    shown = label(project, "+++", ["owl", "dog", ""])
    assert kinds(project) == [("label", "owl"), ("label", "dog")]
    assert "owl" in shown
    shown = label(project, "+1", ["\a"])
    assert "unprintable" in shown
    assert [info.name for info in project.classes] == ["dog", "[bold]siren", "owl"]


def test_it_ends_when_nothing_is_left(project):
    shown = label(project, "1" * 20)
    assert "No clips are left" in shown
    assert "6 answers" in shown
    assert len(project.labels()) == 6


def test_an_answer_that_came_too_late_is_said_and_not_stored(recordings):
    with LabelingProject(recordings, ["dog"], lease=0.01) as project:

        class Slow(Keys):
            def __call__(self):
                if len(self.keys) == 2:
                    # The time is over, and somebody else answers all there is.
                    time.sleep(0.05)
                    while (question := project.next("bob")) is not None:
                        project.answer(question.question_id, "bob", "bad")
                return super().__call__()

        screen = io.StringIO()
        console = Console(file=screen, width=200)
        keys = Slow("1q")
        options = {"console": console, "read_key": keys, "player": Player(None)}
        assert label_in_terminal(project, "ada", train=False, **options) == 0
        assert {answer.person for answer in project.answers()} == {"bob"}
        assert "No clips are left" in screen.getvalue()


def test_an_earlier_answer_is_corrected(project):
    label(project, "112q")
    second = project.votes()[1]
    # List, show the answers with a class, open the second of them, answer anew.
    shown = label(project, "<2q", ["dog", "1", "q"])
    assert "1  " in shown and "by ada" in shown
    assert "dog is now [bold]siren" in shown
    assert project.votes()[0].clip_id == second.clip_id
    assert [vote.label for vote in project.votes()] == ["[bold]siren", "[bold]siren", "dog"]
    shown = label(project, "<qq", ["1", "q"])
    assert "not changed" in shown
    shown = label(project, "<q", ["no such thing", "", "", "!", "q"])
    assert "showing all answers" in shown and "No more answers" in shown


def test_more_like_a_clip_and_of_a_class(tmp_path):
    truth = write_tones(tmp_path / "tones", 12)
    options = {"embedding": Bands(), "estimator": LogisticRegression(), "audit_share": 0}
    with LabelingProject(tmp_path / "tones", ["low", "high"], **options) as project:
        assert train(project) is None  # computes the features
        first = project.next("ada")
        keys = {"low": "1", "high": "2"}
        other = "high" if truth[first.name] == "low" else "low"
        key = keys[truth[first.name]]
        lines = ["", other, "dolphin", "-"]
        text = label(project, [">", key, key, key, ">", key, ">", key, ">", key, "q"], lines)
        reasons = [answer.reason for answer in project.answers()]
        named = [truth[answer.path] for answer in project.answers()]
    # Like the first one; of the class that nobody has given yet: said, and the usual ones go on.
    assert reasons[1:4] == ["similar"] * 3
    assert set(named[:4]) == {truth[first.name]}
    assert f"no clip has the label {other!r} yet" in text and "There is no class 'dolphin'" in text
    assert "similar" not in reasons[4:]
    assert "it sounds like what you are looking for" in text


def test_undo_says_what_the_answer_was(project):
    assert "Took back your answer 'dog'" in label(project, "1zq")
    assert "Took back your answer 'Unsure'" in label(project, "uzq")


def test_a_name_that_looks_like_several_is_questioned(project):
    label(project, "++q", ["a;b", "no", "c;d", "c;d"])
    assert [info.name for info in project.classes][2:] == ["c;d"]


def test_other_keys_show_the_keys(project):
    assert label(project, "?%").count("space: play") == 3


def test_control_characters_in_names_do_not_drive_the_terminal(tmp_path):
    name = "a\x1b[31mred\u202e.wav"
    soundfile.write(tmp_path / "x.wav", np.linspace(-0.1, 0.1, 800), 8000)
    os.rename(tmp_path / "x.wav", tmp_path / name)
    with LabelingProject(tmp_path, ["dog"]) as project:
        shown = label(project, "1")
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert r"a\x1b[31mred\u202e.wav" in shown
        assert project.labels()[0].path == name


def test_without_a_player_the_path_is_said(project, recordings):
    shown = label(project, "1q").replace("\n", "")
    assert shown.count("No player is installed (aplay, ffplay, play)") == 1
    assert shown.count(f"listen to {recordings}/") == 2


@pytest.fixture
def recorder(tmp_path):
    """Return a player that keeps what it plays, until it is stopped."""
    script = tmp_path / "player"
    part, whole = str(tmp_path / "played.part"), str(tmp_path / "played.wav")
    script.write_text(
        f"#!{sys.executable}\nimport os, shutil, sys, time\n"
        f"shutil.copy(sys.argv[1], {part!r})\nos.rename({part!r}, {whole!r})\ntime.sleep(60)\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def wait_for(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_clip_is_played_as_wav_evenly_loud(project, tmp_path, recorder):
    player = Player([str(recorder)])
    question = project.next("ada")
    player.play(question)
    wait_for(tmp_path / "played.wav")
    process, file = player._process, player._file
    player.stop()
    assert process.poll() is not None
    assert not os.path.exists(file)
    y, sr = soundfile.read(tmp_path / "played.wav")
    original, _ = soundfile.read(question.path)
    assert (sr, len(y)) == (8000, 4000)
    assert np.sqrt(np.mean(y**2)) == pytest.approx(0.1, rel=0.01)
    assert np.corrcoef(y, original)[0, 1] > 0.999


def test_a_window_is_played_alone(recordings, tmp_path, recorder):
    with LabelingProject(recordings, ["dog"], window=0.2, folder=tmp_path / "p") as project:
        player, question = Player([str(recorder)]), project.next("ada")
        player.play(question)
        wait_for(tmp_path / "played.wav")
        player.stop()
        y, sr = soundfile.read(tmp_path / "played.wav")
        assert len(y) / sr == pytest.approx(question.end - question.start, abs=1e-3)


def test_a_player_that_cannot_be_started_ends_nothing(project):
    shown = label(project, "1", player=Player(["/no/such/player"]))
    assert "Cannot play" in shown
    assert kinds(project) == [("label", "dog")]


def test_the_first_installed_player_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_player() is None
    for name in ("play", "ffplay"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert find_player()[0] == "ffplay"


def test_keys_of_a_pipe_are_its_characters():
    with read_keys(io.StringIO("1\n2\nowl\nq")) as read_key:
        assert [read_key(), read_key()] == ["1", "2"]
        assert read_key.line() == ""
        assert read_key.line() == "owl"
        assert [read_key(), read_key()] == ["q", ""]


def test_keys_of_a_terminal_come_as_they_are_pressed():
    import termios

    ours, theirs = pty.openpty()
    with open(theirs, encoding="utf-8", closefd=True) as stream:
        before = termios.tcgetattr(theirs)
        with read_keys(stream) as read_key:
            for sent, key in ((b"1", "1"), (b" ", " "), (b"\x1b", "\x1b"), (b"\x1b[A", "?")):
                os.write(ours, sent)
                assert read_key() == key
            os.write(ours, "ü".encode())
            assert read_key() == "ü"
            os.write(ours, b"owl\n")
            assert read_key.line() == "owl"
            os.write(ours, b"x")
            assert read_key() == "x"
        assert termios.tcgetattr(theirs) == before
    os.close(ours)
