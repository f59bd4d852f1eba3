"""Loaders of published data sets: what they find, and all that is wrong, at once."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from skal.datasets import (
    DatasetError,
    load_esc50,
    load_speech_commands,
    load_urbansound8k,
    load_whale,
)
from tests.datasets.conftest import ESC, write


def named(data):
    """Return the class name of every file."""
    pairs = zip(data.paths, data.target, strict=True)
    return {Path(path).name: data.target_names[k] for path, k in pairs}


def replace(path, old, new, count=1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def test_urbansound8k(urbansound8k):
    data = load_urbansound8k(urbansound8k)
    assert len(data.paths) == 60 and data.problems == [] and data.extra == []
    assert data.target_names[3] == "dog_bark" and len(data.target_names) == 10
    for path, target, fold, group in zip(
        data.paths, data.target, data.fold, data.groups, strict=True
    ):
        source, number, _, _ = Path(path).stem.split("-")
        assert (int(source), int(number)) == (group, target)
        assert Path(path).parent.name == f"fold{fold}"
    assert set(data.fold) == set(range(1, 11)) and data.split is None
    assert set(data.salience) == {1, 2} and (data.end > data.start).all()
    assert list(data.paths) == sorted(data.paths, key=lambda path: Path(path).parts)


def test_urbansound8k_all_that_is_wrong_at_once(urbansound8k):
    audio, table = urbansound8k / "audio", urbansound8k / "metadata" / "UrbanSound8K.csv"
    (audio / "fold1" / "1000-0-0-0.wav").unlink()
    shutil.move(audio / "fold2" / "1001-1-0-0.wav", audio / "fold2" / "1001-1-0-00.wav")
    replace(
        table,
        "1002-2-0-1.wav,1002,0.5,0.7,1,3,2,children",
        "1002-2-0-1.wav,1002,0.5,0.7,1,3,2,adult",
    )
    replace(table, "1003-3-0-0.wav,1003", "1003-3-0-0.wav,1004")
    replace(table, "1004-4-0-0.wav,1004,0.0,0.2,1,5", "1004-4-0-0.wav,1004,0.0,0.2,1,11")
    replace(table, "1005-5-0-0.wav,1005,0.0", "1005-5-0-0.wav,1005,noon")
    replace(table, "1006-6-0-0.wav,1006,0.0,0.2,1,7", "1006-6-0-0.wav,1006,0.0,0.2,1,x")
    replace(table, "1008-8-0-0.wav,1008,0.0,0.2,1", "1008-8-0-0.wav,1008,0.0,0.2,1.5")
    replace(table, "1009-9-0-0.wav,1009,0.0,0.2,2", "1009-9-0-0.wav,1009,nan,0.2,3")
    replace(table, "1010-0-0-0.wav,1010", "1010-0-0-0.wav, 1,010")
    with open(table, "a") as file:
        file.write("1007-7-0-0.wav,1007,0.0,0.2,2,8,7,jackhammer\n")
    with pytest.raises(DatasetError) as caught:
        load_urbansound8k(urbansound8k)
    found = "\n".join(map(str, caught.value.problems))
    assert len(caught.value.problems) == 12
    for part in (
        "no file .*1000-0-0-0",
        "1001-1-0-0.wav.*did you mean '1001-1-0-00.wav'",
        "line 9': class 'adult_playing' does not match classID 2",
        "does not begin with fsID",
        "fold 11 is not",
        "start is 'noon'",
        "fold is 'x'",
        "salience is '1.5'",
        "salience 3 is not 1 or 2",
        "start is 'nan'",
        "more cells than",
        "listed twice",
    ):
        assert re.search(part, found), part
    with pytest.warns(UserWarning, match="12 problems"):
        data = load_urbansound8k(urbansound8k, on_error="warn")
    # Ten rows are lost, one was there twice; two files and those of the wrong rows are extra.
    assert len(data.paths) == 50 and data.problems == caught.value.problems
    assert len(data.extra) == 9 and not set(data.extra) & set(data.paths)


def test_urbansound8k_elsewhere(tmp_path, urbansound8k):
    with pytest.raises(FileNotFoundError, match="no folder"):
        load_urbansound8k(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="published data set"):
        load_urbansound8k(tmp_path)
    with pytest.raises(NotADirectoryError, match="is a file"):
        load_urbansound8k(urbansound8k / "FREESOUNDCREDITS.txt")
    table = urbansound8k / "metadata" / "UrbanSound8K.csv"
    replace(table, "slice_file_name,fsID", "slice_filename,fs")
    with pytest.raises(DatasetError, match="did you mean 'slice_filename'") as caught:
        load_urbansound8k(urbansound8k)
    assert len(caught.value.problems) == 2


def test_esc50(esc50):
    data = load_esc50(esc50)
    assert len(data.paths) == 60 and data.target_names.tolist() == ESC
    for path, target, fold, group in zip(
        data.paths, data.target, data.fold, data.groups, strict=True
    ):
        parts = Path(path).stem.split("-")
        assert parts == [str(fold), group, parts[2], str(target)]
    ten = load_esc50(esc50, esc10=True)
    assert ten.target_names.tolist() == ["dog", "rooster", "rain"]
    assert np.bincount(ten.target).tolist() == [10, 10, 10]
    assert named(ten).items() <= named(data).items()


def test_esc50_wrong(esc50):
    table = esc50 / "meta" / "esc50.csv"
    replace(table, "1-100001-A-0.wav,1,0,dog", "1-100001-A-0.wav,1,0,cat")
    replace(table, "2-100002-A-0.wav,2", "2-100002-A-0.wav,3")
    replace(table, "3-100003-A-0.wav,3,0", "3-100003-A-0.wav,3,?")
    replace(table, "4-100004-A-0.wav,4", "6-100004-A-0.wav,6")
    replace(table, "rooster,True", "rooster,yes")
    write(esc50 / "audio" / "5-9-A-0.wav")
    with pytest.raises(DatasetError) as caught:
        load_esc50(esc50)
    found = "\n".join(map(str, caught.value.problems))
    assert len(caught.value.problems) == 5
    for part in (
        "target 0 has more than one category: cat, dog",
        "begin with fold",
        "target is",
        "fold 6 is not one of 1 to 5",
        "esc10 is 'yes'",
    ):
        assert part in found


def test_esc10_in_the_older_layout(esc10_old, tmp_path):
    data = load_esc50(esc10_old, esc10=True)
    assert data.target_names.tolist() == ["Dog bark", "Rain", "Sea waves"]
    assert len(data.paths) == 15 and set(data.fold) == {1, 2, 3, 4, 5}
    assert data.paths[0].endswith("001 - Dog bark/1-10132-A.ogg") and data.groups[0] == "10132"
    write(esc10_old / "001 - Dog bark" / "barks.ogg")
    with pytest.raises(DatasetError, match="not named"):
        load_esc50(esc10_old)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="neither"):
        load_esc50(tmp_path / "empty")


def test_speech_commands(speech_commands):
    data = load_speech_commands(speech_commands)
    assert data.target_names.tolist() == ["bed", "one", "seven", "two", "zero"]
    assert len(data.paths) == 60
    counts = dict(zip(*np.unique(data.split, return_counts=True), strict=True))
    assert counts == {"train": 20, "validation": 20, "test": 20}
    for path, target, speaker in zip(data.paths, data.target, data.groups, strict=True):
        assert Path(path).parent.name == data.target_names[target]
        assert Path(path).name.partition("_nohash_")[0] == speaker
    some = load_speech_commands(speech_commands, words=["two", "bed"])
    assert some.target_names.tolist() == ["two", "bed"] and len(some.paths) == 24
    with pytest.raises(FileNotFoundError, match="no words three, four"):
        load_speech_commands(speech_commands, words="digits")
    with pytest.raises(FileNotFoundError, match="did you mean seven"):
        load_speech_commands(speech_commands, words=["sevn"])
    for word in ("three", "four", "five", "six", "eight", "nine"):
        write(speech_commands / word / "094b1c0e_nohash_0.wav")
    digits = load_speech_commands(speech_commands, words="digits")
    assert digits.target_names[digits.target[-1]] == "nine" and digits.target[0] == 0


def test_speech_commands_wrong(speech_commands):
    write(speech_commands / "one" / "hello.wav")
    (speech_commands / "two" / "004b1c0e_nohash_0.wav").unlink()
    with open(speech_commands / "testing_list.txt", "a") as file:
        file.write("zero/004b1c0e_nohash_0.wav\n")
    replace(speech_commands / "testing_list.txt", "bed/014b1c0e_nohash_1.wav\n", "")
    with pytest.raises(DatasetError) as caught:
        load_speech_commands(speech_commands)
    found = "\n".join(map(str, caught.value.problems))
    assert len(caught.value.problems) == 4
    for part in ("not named", "no file", "validation_list.txt too", "'014b1c0e' is in test and"):
        assert part in found
    for name in ("validation_list.txt", "testing_list.txt"):
        (speech_commands / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"validation_list.*testing_list"):
        load_speech_commands(speech_commands)


def test_speech_commands_lists_of_other_editors(speech_commands):
    expected = load_speech_commands(speech_commands).split
    path = speech_commands / "validation_list.txt"
    published = path.read_text()
    # A mark at the start that nobody sees must not put the first file among those to train on.
    path.write_bytes(b"\xef\xbb\xbf" + published.replace("\n", "\r\n").encode())
    np.testing.assert_array_equal(load_speech_commands(speech_commands).split, expected)
    wrong = ["bed\\004b1c0e_nohash_0.wav", "./bed/004b1c0e_nohash_0.wav", "bed", "sheila/x.wav"]
    path.write_text(published + "\n".join(wrong))
    with pytest.raises(DatasetError) as caught:
        load_speech_commands(speech_commands)
    assert [problem.reason[-16:] for problem in caught.value.problems[:3]] == [
        "is not word/file"
    ] * 3
    assert len(caught.value.problems) == 4 and "no file" in caught.value.problems[3].reason
    path.write_text(published + "sheila/x.wav\n")
    assert len(load_speech_commands(speech_commands, words=["two"]).paths) == 12
    path.write_bytes(b"\xff")
    with pytest.raises(DatasetError, match="download it again"):
        load_speech_commands(speech_commands)


def test_whale(whale):
    data = load_whale(whale)
    assert data.target_names.tolist() == ["noise", "right whale"]
    assert all(path.endswith(f"_{k}.aif") for k, path in zip(data.target, data.paths, strict=True))
    assert set(data.groups) == {"20090328", "20090329"} and len(data.extra) == 12
    replace(whale / "train.csv", "TRAIN3_1.aif,1", "TRAIN3_1.aif,yes")
    replace(whale / "train.csv", "TRAIN4", "TRAIN44")
    with open(whale / "train.csv", "a") as file:
        file.write(",1\n")
    with pytest.raises(DatasetError) as caught:
        load_whale(whale)
    reasons = [problem.reason for problem in caught.value.problems]
    assert len(reasons) == 3 and "no clip_name" in reasons


def test_no_loader_leaves_anything_behind(esc50):
    before = sorted(esc50.rglob("*"))
    load_esc50(esc50)
    assert sorted(esc50.rglob("*")) == before
