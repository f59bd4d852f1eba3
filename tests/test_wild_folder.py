"""A folder of recordings as found in the wild: in every command, the counts add up."""

import csv
import json
import os
import subprocess

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression

from skal._utils.sound import media
from skal.label import LabelingProject
from skal.label.learning.pool import read_pool
from tests.test_cli_labeling import call
from tests.utils.test_headers import needs_ffmpeg

pytestmark = [
    pytest.mark.filterwarnings("default::skal.audio.HeaderWarning"),
    needs_ffmpeg,
    pytest.mark.skipif(not media.has_media(), reason="PyAV is not installed"),
    pytest.mark.skipif(os.name == "nt", reason="names as on Unix"),
]

# Names, and options of ffmpeg.
SOUNDS = {
    "8 bit.wav": ("-c:a", "pcm_u8"),
    "deep/er/alaw.wav": ("-c:a", "pcm_alaw"),
    "mp3 in.wav": ("-c:a", "libmp3lame", "-f", "wav"),
    "stereo.WAV": ("-ac", "2"),
    "phone.3gp": ("-c:a", "aac"),
    "deep/mac.caf": ("-c:a", "pcm_s16be"),
    "bat.wav": ("-ar", "256000"),
    "semi;comma, é #t=0,1.flac": (),
    "browser.webm": ("-c:a", "libopus"),
    "new\nline.aiff": (),
}
BROKEN = {
    "no header.wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "deep/empty.flac": b"",
    "text.wav": b"this is a text\n" * 20,
}
OTHERS = {"notes.txt": b"x", "deep/picture.JPG": b"x", "no extension": b"x", ".hidden.wav": b"x"}
FEATURES = {"sr": 8000, "duration": 0.5, "n_fft": 256, "n_mels": 12, "flatten": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("wild")
    rng = np.random.default_rng(0)
    for name, pitch in {"dog": 500, "rain": 2000}.items():
        y = 0.3 * np.sin(np.arange(11025) * 2 * np.pi * pitch / 22050) + rng.normal(0, 0.01, 11025)
        source = place / f"{name}.wav"
        soundfile.write(source, y, 22050)
        for other, options in SOUNDS.items():
            path = place / "rec" / name / other
            path.parent.mkdir(parents=True, exist_ok=True)
            command = ["ffmpeg", "-v", "error", "-i", source, *options, f"file:{path}"]
            subprocess.run(command, check=True)
        for other, content in (BROKEN | OTHERS).items():
            (place / "rec" / name / other).write_bytes(content)
        command = ["ffmpeg", "-v", "error", "-i", source, "-f", "flac", "-"]
        streamed = subprocess.run(command, check=True, capture_output=True).stdout
        (place / "rec" / name / "streamed.flac").write_bytes(streamed)
        whole = source.read_bytes()
        (place / "rec" / name / "cut off.wav").write_bytes(whole[: len(whole) // 2])
        (place / "rec" / name / "twice.wav").write_bytes(whole * 2)
        os.symlink("gone.wav", place / "rec" / name / "dangling.wav")
    params = {"dataset": "folder", "data_home": "rec", "features": FEATURES, "split": "random"}
    params |= {"model": "logistic_regression", "n_initial": 8, "n_instances": 4, "budget": 12}
    (place / "params.json").write_text(json.dumps(params))
    return place


def counted(folder):
    """Return how many files can be used, are to be set aside, and are skipped."""
    there = sum(
        not name.startswith(".") for _, _, names in os.walk(folder / "rec") for name in names
    )
    used, aside, passed = 2 * (len(SOUNDS) + 3), 2 * (len(BROKEN) + 1), 2 * (len(OTHERS) - 1)
    assert there == used + aside + passed
    return used, aside, passed


def check_told(told, aside, passed):
    """Check what a command says about the files that it does not use."""
    assert sum("set aside" in line for line in told.splitlines()) == aside
    assert f"skipped {passed} files" in told
    assert "2 without one, 2 .jpg, 2 .txt" in told
    warned = [line for line in told.splitlines() if "skal: warning: " in line]
    assert sum("its header announces" in line for line in warned) == 2
    assert sum("2 consecutive recordings" in line for line in warned) == 2
    assert "Warning" not in told


def test_features(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    used, aside, passed = counted(folder)
    options = [f"--features.{name}={json.dumps(value)}" for name, value in FEATURES.items()]
    code, out, error = call(capsys, "features", "rec", "--store", "store", *options)
    assert code == 0
    check_told(out + error, aside, passed)
    assert f"{used + aside} clips, {used} computed now, {aside} broken" in out + error
    (report,) = (folder / "store").rglob("broken.csv")
    with open(report, newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == aside


def test_run_and_predict(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    used, aside, passed = counted(folder)
    code, out, error = call(capsys, "run", "params.json")
    assert code == 0
    check_told(out + error, aside, passed)
    assert f"{used} clips of 2 classes" in out + error
    (model,) = (folder / "outputs").rglob("model.skal")
    code, out, error = call(capsys, "predict", model, "rec")
    assert code == 0
    check_told(error, aside, passed)
    assert f"{used + aside} clips, {aside} of them unreadable" in error
    rows = list(csv.DictReader(out.splitlines(keepends=True)))
    assert sum(row["problem"] == "" for row in rows) == used
    assert sum(row["problem"] != "" for row in rows) == aside
    assert {row["path"].partition("/")[0] for row in rows if row["label"] == "dog"} == {"dog"}


def test_label(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("skal.cli.labeling._label_here", lambda *args: None)
    used, aside, passed = counted(folder)
    words = ["label", "rec", "--project", "project", "--classes", "dog,rain", "--terminal"]
    code, _, error = call(capsys, *words)
    assert code == 0
    assert f"skal: {used + aside} clips\n" in error and f"skipped {passed} files" in error
    model = LogisticRegression(max_iter=1000)
    with LabelingProject("rec", folder="project", estimator=model) as opened:
        with pytest.warns(UserWarning):
            assert len(read_pool(opened).ids) == used
        assert opened.progress().n_clips == used and len(opened.problems()) == aside
    code, _, error = call(capsys, *words)
    assert f"skal: {used + aside} clips, {aside} of them set aside\n" in error
    assert sum(line.startswith("skal: set aside") for line in error.splitlines()) == aside
