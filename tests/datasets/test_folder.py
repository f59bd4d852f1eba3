"""Folders of one's own: classes by folder or by table, windows, and all that is wrong at once."""

import json
import os

import numpy as np
import pytest
import soundfile

from skal.audio import LogMelSpectrogram
from skal.datasets import DatasetError, load_audio_folder
from tests.datasets.conftest import write, write_table


@pytest.fixture
def folder(tmp_path):
    for name in ("rain/b.wav", "rain/a.WAV", "dog bark/deep/ü\n.flac", "new.wav", "rain/._a.wav"):
        if "._" in name:
            (tmp_path / name).write_bytes(b"x")
        else:
            write(tmp_path / name, len(name))
    (tmp_path / "rain" / "notes.txt").write_text("hello")
    return tmp_path


def below(data, folder):
    return [os.path.relpath(path, folder) for path in data.paths]


def test_classes_by_folder(folder):
    data = load_audio_folder(folder)
    assert below(data, folder) == ["dog bark/deep/ü\n.flac", "new.wav", "rain/a.WAV", "rain/b.wav"]
    assert data.target.tolist() == [0, -1, 1, 1]
    assert data.target_names.tolist() == ["dog bark", "rain"]
    assert data.fold is data.split is data.start is None
    assert data.groups.tolist() == list(data.paths)


def test_what_cannot_be_read_is_found_and_reported_later(folder):
    os.mkfifo(folder / "rain" / "pipe.wav")
    (folder / "rain" / "gone.wav").symlink_to(folder / "nothing.wav")
    (folder / "rain" / "x.wav").mkdir()
    data = load_audio_folder(folder)
    assert len(data.paths) == 7
    model = LogMelSpectrogram(sr=8000, n_fft=256, duration=0.2, n_mels=20, on_error="warn")
    with pytest.warns(UserWarning, match="3 clips"):
        model.transform(data.paths)
    broken = [os.path.basename(data.paths[i]) for i in model.transform_readable(data.paths)[1]]
    assert broken == ["gone.wav", "pipe.wav", "x.wav"]


def test_folders_behind_links_are_searched_once(folder, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    write(disk / "day" / "1.wav")
    for name, target in (
        ("thunder", disk),
        ("thunder too", disk / "day"),
        ("wet", folder / "rain"),
        ("rain/loop", folder),
    ):
        (folder / name).symlink_to(target)
    (disk / "back").symlink_to(disk)
    data = load_audio_folder(folder)
    assert below(data, folder)[-1] == "thunder too/1.wav" and len(data.paths) == 5
    assert data.target_names.tolist() == ["dog bark", "rain", "thunder too"]


def test_folders_that_hold_no_sound_or_may_not_be_read_are_not_passed_over(folder, monkeypatch):
    (folder / "rain" / "x.wav").mkdir()
    (folder / "rain" / "x.wav" / "notes.txt").write_text("hello")
    write(folder / "rain" / "y.wav" / "1.wav")
    write(folder / "secret" / "1.wav")
    (folder / "phone.m4a").write_bytes(b"x")
    scandir = os.scandir

    def closed(path):
        if os.fspath(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    # The tests may run as root, who may read everything.
    monkeypatch.setattr(os, "scandir", closed)
    monkeypatch.setattr(os, "access", lambda path, mode: "secret" not in path)
    data = load_audio_folder(folder)
    new = ["phone.m4a", "rain/x.wav", "rain/y.wav/1.wav", "secret"]
    assert set(new) < set(below(data, folder)) and len(data.paths) == 4 + len(new)
    with pytest.warns(UserWarning, match="3 problems") as caught:
        load_audio_folder(folder, window=1.0, on_error="warn")
    told = str(caught[0].message)
    for reason in ("not a sound file", "a folder, not a file", "a folder without read permission"):
        assert reason in told
    with pytest.raises(PermissionError):
        load_audio_folder(folder / "secret")


COLUMNS = ["path", "label", "group", "fold", "split", "start", "end"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_table(folder, kind):
    rows = [
        ["rain/b.wav", "wet", "A", 1, "train", 0.0, 0.1],
        ["rain/b.wav", "dry", "A", 1, "train", 0.1, 0.2],
        ["new.wav", "", "B", 2, "test", 0, 0.15],
    ]
    if kind == "csv":
        write_table(folder / "labels.csv", COLUMNS, rows)
    else:
        lines = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in rows]
        (folder / "labels.jsonl").write_text("\n".join(lines) + "\n\n")
    data = load_audio_folder(folder, f"labels.{kind}")
    assert below(data, folder) == [
        "rain/b.wav#t=0,0.1",
        "rain/b.wav#t=0.1,0.2",
        "new.wav#t=0,0.15",
    ]
    assert data.target.tolist() == [1, 0, -1] and data.target_names.tolist() == ["dry", "wet"]
    assert data.groups.tolist() == ["A", "A", "B"] and data.fold.tolist() == [1, 1, 2]
    assert data.split.tolist() == ["train", "train", "test"]
    assert data.end.tolist() == [0.1, 0.2, 0.15]
    assert sorted(os.path.basename(path) for path in data.extra) == ["a.WAV", "ü\n.flac"]


def test_all_that_is_wrong_with_a_table_at_once(folder):
    rows = [
        ["rain/b.wav", "wet", "", "", "", "", ""],
        ["rain/gone.wav", "wet", "", "", "", "", ""],
        ["", "wet", "", "", "", "", ""],
        ["new.wav", "wet", "", "one", "", "", ""],
        ["new.wav", "wet", "", "", "", "2", "1"],
        ["new.wav", "wet", "", "", "", "2", ""],
        ["rain/b.wav", "dry", "", "", "", "", ""],
    ]
    write_table(folder / "labels.csv", COLUMNS, rows)
    with pytest.raises(DatasetError, match="6 problems") as caught:
        load_audio_folder(folder, "labels.csv")
    lines = [problem.path.rsplit(" ", 1)[-1] for problem in caught.value.problems]
    assert lines == ["3", "4", "5", "6", "7", "8"]
    with pytest.warns(UserWarning, match="6 problems"):
        data = load_audio_folder(folder, "labels.csv", on_error="warn")
    assert below(data, folder) == ["rain/b.wav"] and len(data.problems) == 6


def test_rows_of_other_programs(folder):
    lines = [
        "\ufeffpath,label,fold",
        "./rain//b.wav, wet ,1.0",
        '"dog bark/deep/ü\n.flac",dog,2',
        "",
        "rain/b.wav,dry,1",
        f"{folder}/rain/b.wav,dry,1",
        "rain/a.WAV,wet,2,,",
        "new.wav,,1.5",
    ]
    (folder / "labels.csv").write_text("\r\n".join(lines), newline="")
    with pytest.warns(UserWarning, match="4 problems"):
        data = load_audio_folder(folder, "labels.csv", on_error="warn")
    assert below(data, folder) == ["rain/b.wav", "dog bark/deep/ü\n.flac"]
    assert data.fold.tolist() == [1, 2] and len(data.extra) == 2
    assert data.target_names.tolist() == ["dog", "wet"]
    # A name with a newline and an empty line count: an editor shows these numbers.
    told = [(p.path.rpartition("line ")[2], p.reason) for p in data.problems]
    assert told == [
        ("8", "more cells than the header has"),
        ("6", f"{str(folder / 'rain' / 'b.wav')!r} is in line 2 already"),
        ("7", f"{str(folder / 'rain' / 'b.wav')!r} is in line 2 already"),
        ("9", "fold is 1.5, not a whole number"),
    ]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ('"split": "val"', "split is 'val', not one of train"),
        ('"fold": 1.5', "not a whole number"),
        ('"fold": "NaN"', "fold is 'NaN', not a number"),
        ('"end": Infinity', "end is inf, not a number"),
    ],
)
def test_cells_that_would_lose_a_row_later(folder, cell, reason):
    (folder / "a.jsonl").write_text(f'{{"path": "new.wav", "label": "x", {cell}}}')
    with pytest.raises(DatasetError, match=reason):
        load_audio_folder(folder, "a.jsonl")


def test_a_table_names_recordings_in_its_folder(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "x.wav"
    outside.write_bytes((folder / "new.wav").read_bytes())
    link = outside.with_name("link")
    link.symlink_to(folder, target_is_directory=True)
    paths = [
        outside,
        f"../{outside.parent.name}/x.wav",
        folder / "new.wav",
        link / "rain" / "b.wav",
    ]
    text = "".join(f"{path},x\n" for path in paths)
    (folder / "l.csv").write_text(f"path,label\n{text}")
    with pytest.raises(DatasetError, match="is outside the folder of recordings") as caught:
        load_audio_folder(folder, "l.csv")
    lines = [problem.path.rpartition("line ")[2] for problem in caught.value.problems]
    assert lines == ["2", "3", "5"]
    with pytest.warns(UserWarning, match="2 problems"):
        assert len(load_audio_folder(link, "l.csv", on_error="warn").paths) == 2


def test_tables_that_cannot_be_read(folder):
    (folder / "list.json").write_text('[{"path": "new.wav", "label": "x"}]')
    with pytest.raises(DatasetError, match="one object per line"):
        load_audio_folder(folder, "list.json")
    (folder / "latin.jsonl").write_bytes(b'{"path": "new.wav", "label": "\xe9"}')
    with pytest.raises(DatasetError, match="save it in UTF-8"):
        load_audio_folder(folder, "latin.jsonl")
    (folder / "twice.csv").write_text("path,label,Label\nnew.wav,x,y\n")
    with pytest.raises(DatasetError, match=r"several columns 'label'"):
        load_audio_folder(folder, "twice.csv")
    (folder / "empty.csv").touch()
    with pytest.raises(DatasetError, match=r"empty. What to do: it needs a header"):
        load_audio_folder(folder, "empty.csv")
    (folder / "a.jsonl").write_text('{"path": "new.wav", "label": "x"}\n[1]\n{"path"\n')
    with pytest.raises(DatasetError, match="2 problems"):
        load_audio_folder(folder, "a.jsonl")
    (folder / "b.csv").write_bytes(b"path,label\n\xff\xfe,x\n")
    with pytest.raises(DatasetError, match="UTF-8"):
        load_audio_folder(folder, "b.csv")
    (folder / "c.csv").write_text("file,lable\nnew.wav,x\n")
    with pytest.raises(DatasetError, match="did you mean 'lable'"):
        load_audio_folder(folder, "c.csv")
    with pytest.raises(FileNotFoundError, match="no table"):
        load_audio_folder(folder, "d.csv")


@pytest.mark.parametrize(
    "text",
    [
        "path;start;end;label\nnew.wav;0,0;0,1;x\n",
        "sep=;\nPath; Start ;END;Label\n new.wav ; 0,0 ; 0,1 ; x \n",
        'path,start,end,label\nnew.wav,"0,0","0,1",x\n',
        "path\tstart\tend\tlabel\nnew.wav\t0,0\t0,1\tx\n",
        "path,start,end,label,duration\nnew.wav,0,0.1,x,0.1\n",
    ],
)
def test_tables_as_people_have_them(folder, text):
    (folder / "t.csv").write_text(text)
    data = load_audio_folder(folder, "t.csv")
    assert below(data, folder) == ["new.wav#t=0,0.1"]
    assert data.target_names.tolist() == ["x"]


@pytest.mark.parametrize(
    "text", ["path,begin,end_s,label\nnew.wav,0,0.1,x\n", "path,label,onset\nnew.wav,x,1\n"]
)
def test_times_that_nobody_reads_are_an_error(folder, text):
    (folder / "t.csv").write_text(text)
    with pytest.raises(DatasetError, match="looks like a time"):
        load_audio_folder(folder, "t.csv")


def test_nan_in_json_is_no_text(folder):
    lines = [
        '{"path": "new.wav", "Label": NaN, "group": NaN}',
        '{"path": "rain/b.wav", "Label": "wet", "group": 7.0}',
    ]
    (folder / "t.jsonl").write_text("\n".join(lines))
    data = load_audio_folder(folder, "t.jsonl")
    assert data.target.tolist() == [-1, 0] and data.target_names.tolist() == ["wet"]
    assert data.groups.tolist() == [str(folder / "new.wav"), "7"]
    (folder / "t.jsonl").write_text('{"path": "new.wav", "label": ["x"]}')
    with pytest.raises(DatasetError, match="not text"):
        load_audio_folder(folder, "t.jsonl")


def test_rows_beyond_the_end_are_reported_where_they_are_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(24000, 0.1), 8000)
    (tmp_path / "b.wav").write_bytes(b"no sound")
    spans = [
        ("a", 0, 2),
        ("a", 2, 4),
        ("a", 2.5, 3.009),
        ("a", 2.5, 3.5),
        ("a", 4, 6),
        ("b", 0, 1),
    ]
    rows = [[f"{name}.wav", "x", start, end] for name, start, end in spans]
    write_table(tmp_path / "t.csv", ["path", "label", "start", "end"], rows)
    with pytest.raises(DatasetError) as caught:
        load_audio_folder(tmp_path, "t.csv")
    assert [problem.path.rpartition("line ")[2] for problem in caught.value.problems] == [
        *("7", "5", "6"),
    ]
    assert "it ends at 3.5 s, but the recording ends at 3 s" in str(caught.value)
    assert "it starts at 4 s, but the recording ends at 3 s" in str(caught.value)
    with pytest.warns(UserWarning, match="3 problems"):
        data = load_audio_folder(tmp_path, "t.csv", on_error="warn")
    # The last of several windows of one length ends with the recording.
    assert data.end.tolist() == [2.0, 3.0, 3.009]


def test_windows(tmp_path):
    y = np.random.default_rng(0).normal(scale=0.1, size=40000)
    for name in ("night/one.wav", "night/two.flac"):
        (tmp_path / "night").mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, y, 8000)
    data = load_audio_folder(tmp_path, window=2.0, hop=1.0)
    assert data.start.tolist() == [0, 1, 2, 3] * 2 and data.end.tolist() == [2, 3, 4, 5] * 2
    assert len(set(data.groups)) == 2 and set(data.target) == {0}
    model = LogMelSpectrogram(sr=8000, n_fft=256, hop_length=100, n_mels=20, duration=2.0)
    features = model.transform(data.paths)
    for row, start in zip(features, data.start, strict=True):
        part = y[int(start * 8000) : int(start * 8000) + 16000]
        expected = model.transform([part])[0]
        np.testing.assert_allclose(row, expected, atol=0.1)
    (tmp_path / "night" / "bad.wav").write_text("x")
    with pytest.raises(DatasetError, match=r"bad\.wav"):
        load_audio_folder(tmp_path, window=2.0)
    with pytest.warns(UserWarning, match="1 problems"):
        data = load_audio_folder(tmp_path, window=2.0, on_error="warn")
    assert len(data.paths) == 6


def test_windows_of_labelled_parts(tmp_path):
    write(tmp_path / "x.wav")
    write_table(tmp_path / "t.csv", ["path", "label", "start", "end"], [["x.wav", "a", 0.05, 0.2]])
    data = load_audio_folder(tmp_path, "t.csv", window=0.1)
    np.testing.assert_allclose(data.start, [0.05, 0.15])
    np.testing.assert_allclose(data.end, [0.15, 0.2])


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recordings"):
        load_audio_folder(tmp_path)
    with pytest.raises(ValueError, match="hop= needs window="):
        load_audio_folder(tmp_path, hop=1.0)
    with pytest.raises(ValueError, match="window"):
        load_audio_folder(tmp_path, window=0)
