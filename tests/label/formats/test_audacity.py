"""Audacity's label tracks."""

import io
import zipfile

import pytest

from skal.label.formats import export_labels
from tests.label.formats.tables import row, written


def read_audacity(text):
    """Read a label track as Audacity's manual describes it."""
    lines = [line.split("\t") for line in text.split("\n")[:-1]]
    assert all(len(line) == 3 for line in lines)
    assert all(len(t.partition(".")[2]) == 6 for line in lines for t in line[:2])
    return [(float(start), float(end), label) for start, end, label in lines]


def test_audacity_gets_a_label_file_for_each_recording(recordings, tmp_path):
    rows = [
        row("night/b.flac", "rain", 0.5, 1.0),
        row("a.wav", "dog\tbig\nold"),
        row("night/b.flac", "owl", 0.0, 0.5),
        row("broken.wav", None, kind="bad"),
    ]
    out = tmp_path / "out"
    assert export_labels(rows, "audacity", out, root=recordings) == []
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    assert files == ["a.wav.txt", "night/b.flac.txt"]
    assert read_audacity((out / "a.wav.txt").read_text()) == [(0, 2, "dog big old")]
    night = read_audacity((out / "night" / "b.flac.txt").read_text())
    assert night == [(0, 0.5, "owl"), (0.5, 1, "rain")]


def test_audacity_labels_in_a_stream_are_an_archive(recordings, tmp_path):
    rows = [row("a.wav", "犬"), row("night/b.flac", "rain", 0.5, 1.0)]
    content, problems = written(rows, "audacity", recordings)
    assert problems == []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["a.wav.txt", "night/b.flac.txt"]
        assert read_audacity(archive.read("a.wav.txt").decode()) == [(0, 2, "犬")]
    assert written(rows, "audacity", recordings)[0] == content
    export_labels(rows, "audacity", tmp_path / "labels.zip", root=recordings)
    assert (tmp_path / "labels.zip").read_bytes() == content


@pytest.mark.parametrize("path", ["gone.wav", "broken.wav"])
def test_a_recording_that_is_gone_keeps_its_label(recordings, path):
    content, (problem,) = written([row(path, "dog")], "audacity", recordings)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert read_audacity(archive.read(f"{path}.txt").decode()) == [(0, 0, "dog")]
    assert problem.row == path


@pytest.mark.parametrize("path", ["../out.wav", "/etc/x.wav", "a/../../b.wav", ".."])
def test_nothing_is_written_outside_the_folder(recordings, tmp_path, path):
    out = tmp_path / "deep" / "out"
    for target in (out, io.BytesIO()):
        with pytest.raises(ValueError, match="is outside the folder"):
            export_labels([row(path, "dog", 0.0, 1.0)], "audacity", target, root=recordings)
    assert not list(tmp_path.rglob("*.txt"))
