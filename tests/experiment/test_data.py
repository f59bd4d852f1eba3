"""Data of an experiment: what is held out, and what happens to broken clips."""

import numpy as np
import pytest

from skal.audio import LogMelSpectrogram
from skal.datasets import make_sounds
from skal.datasets.synthetic import write_sounds
from skal.experiment.messages import ExperimentError, ParameterError
from skal.experiment.params.parameters import load_params
from skal.experiment.runs.data import Data, compute_features, load_data
from skal.experiment.runs.splits import split_data


def params_of(**raw):
    return load_params(raw)[0]


def make_data(n=40, groups=True, part=None):
    rng = np.random.RandomState(0)
    return Data(
        clips=np.arange(n),
        files=np.array([f"{i}.wav" for i in range(n)], dtype=object),
        y=np.repeat(["dog", "rain"], n // 2),
        groups=rng.randint(8, size=n) if groups else None,
        part=part,
        positions=np.arange(n) + 100,
    )


def parts_are_disjoint_and_complete(split, n):
    rows = np.concatenate([split.train, split.valid, split.test])
    np.testing.assert_array_equal(np.sort(rows), np.arange(n))


def test_random_split_depends_on_the_seed_alone():
    data, params = (
        make_data(),
        params_of(split="random", test_fraction=0.25, validation_fraction=0.2),
    )
    split = split_data(data, params, 1)
    parts_are_disjoint_and_complete(split, 40)
    assert (len(split.test), len(split.valid), len(split.train)) == (10, 6, 24)
    np.testing.assert_array_equal(split.test, split_data(data, params, 1).test)
    assert not np.array_equal(split.test, split_data(data, params, 2).test)


def test_group_split_keeps_groups_together():
    data, params = make_data(), params_of(split="groups", validation_fraction=0.3)
    split = split_data(data, params, 0)
    parts_are_disjoint_and_complete(split, 40)
    train, valid, test = (
        set(data.groups[rows]) for rows in (split.train, split.valid, split.test)
    )
    assert not train & valid
    assert not train & test
    assert not valid & test


def test_official_split():
    part = np.array(["train", "test", "train", "validation"] * 10)
    data = make_data(part=part, groups=False)
    split = split_data(data, params_of(), 0)  # the first choice where there is one
    np.testing.assert_array_equal(split.test, np.flatnonzero(part == "test"))
    np.testing.assert_array_equal(split.valid, np.flatnonzero(part == "validation"))
    with pytest.raises(
        ParameterError, match=r"validation_fraction: the official split has its own"
    ):
        split_data(data, params_of(validation_fraction=0.1), 0)


@pytest.mark.parametrize("seed", range(5))
def test_a_stratified_split_takes_each_class_alike(seed):
    rng = np.random.RandomState(seed)
    data = make_data(groups=False)
    data.y = rng.permutation(np.repeat(["a", "b", "c", "d"], [25, 10, 4, 1]))
    split = split_data(data, params_of(split="stratified", validation_fraction=0.25), seed)
    parts_are_disjoint_and_complete(split, 40)
    assert (len(split.test), len(split.valid)) == (8, 8)
    for name, n in zip(*np.unique(data.y, return_counts=True), strict=True):
        assert abs((data.y[split.test] == name).sum() - 0.2 * n) < 1
    other = split_data(data, params_of(split="stratified"), seed + 1)
    assert not np.array_equal(other.test, split.test)
    # Clips of a recording stay together.
    data.y, data.recordings = np.repeat(["a", "b"], 20), np.arange(40) // 4
    test = split_data(data, params_of(split="stratified"), seed).test
    assert sorted(data.y[test]) == ["a"] * 4 + ["b"] * 4
    assert len(np.unique(data.recordings[test])) == 2


def test_a_flat_folder_says_what_is_missing(tmp_path):
    write_sounds(make_sounds(4, 2, duration=0.2, random_state=0), tmp_path / "in")
    for path in list((tmp_path / "in").rglob("*.wav")):
        path.rename(tmp_path / path.name)
    flat = {"dataset": "folder", "data_home": str(tmp_path)}
    with pytest.raises(ParameterError, match=r"none of the 4 recordings has a class. Put those"):
        load_data(params_of(**flat))
    (tmp_path / "dog").mkdir()
    next(tmp_path.glob("*.wav")).rename(tmp_path / "dog" / "a.wav")
    with pytest.raises(ParameterError, match="all 1 recordings are of the class dog; two"):
        load_data(params_of(**flat))
    assert len(load_data(params_of(**flat), labeled_only=False).y) == 4  # skal features


def test_windows_of_a_recording_stay_together():
    data = make_data(groups=False)
    data.recordings = np.arange(40) // 5
    for kind in ("random", "groups"):
        data.groups = None if kind == "random" else np.arange(40) % 20
        # A group that is in two recordings holds these together.
        split = split_data(data, params_of(split=kind, validation_fraction=0.3), 0)
        parts_are_disjoint_and_complete(split, 40)
        for part in (split.train, split.valid, split.test):
            others = np.setdiff1d(np.arange(40), part)
            assert not np.intersect1d(data.recordings[part], data.recordings[others]).size
            if kind == "groups":
                assert not np.intersect1d(data.groups[part], data.groups[others]).size


def test_published_parts_that_share_something_are_refused():
    data = make_data(part=np.array(["train", "test"] * 20))
    with pytest.raises(
        ParameterError, match=r"official has 8 groups \(0, 1, .*\) in two of its parts"
    ):
        split_data(data, params_of(), 0)
    data.groups_shared = True
    parts_are_disjoint_and_complete(split_data(data, params_of(validation_fraction=0.2), 0), 40)
    data.recordings = np.arange(40) // 2
    with pytest.raises(ParameterError, match="official has 20 recordings in two of its parts"):
        split_data(data, params_of(), 0)


def test_the_split_falls_back_on_groups_then_on_chance():
    data = make_data()
    split = split_data(data, params_of(), 0)
    assert not set(data.groups[split.train]) & set(data.groups[split.test])
    parts_are_disjoint_and_complete(split_data(make_data(groups=False), params_of(), 0), 40)


@pytest.mark.parametrize(
    ("data", "raw", "message"),
    [
        (make_data(), {"split": "official"}, "split: the data set has no official split"),
        (make_data(groups=False), {"split": "groups"}, "split: the data set has no groups"),
        (
            make_data(2),
            {"split": "random", "validation_fraction": 0.9},
            "split: random leaves 0 clips",
        ),
    ],
)
def test_impossible_splits_are_refused(data, raw, message):
    with pytest.raises(ParameterError, match=message):
        split_data(data, params_of(**raw), 0)


def test_one_group_cannot_be_split():
    data = make_data()
    data.groups[:] = 0
    with pytest.raises(ParameterError, match="only one group"):
        split_data(data, params_of(split="groups"), 0)


def test_sub_dir_names_the_data_set_as_in_the_predecessor():
    data = load_data(params_of(sub_dir="sounds"))
    assert len(data.y) == 200
    with pytest.raises(ParameterError, match=r"sub_dir.* there is no dataset named 'my_task'"):
        load_data(params_of(sub_dir="my_task"))


def test_made_sounds_are_the_same_every_time():
    first, again = load_data(params_of()), load_data(params_of(random_seed=3))
    np.testing.assert_array_equal(first.clips, again.clips)


def test_num_total_draws_clips_and_keeps_their_positions():
    whole = load_data(params_of(dataset={"name": "sounds", "random_state": 3}))
    raw = {"dataset": {"name": "sounds", "random_state": 3}, "num_total": 30}
    drawn = load_data(params_of(**raw))
    assert len(drawn.y) == len(set(drawn.positions)) == 30
    np.testing.assert_array_equal(drawn.y, whole.y[drawn.positions])
    np.testing.assert_array_equal(drawn.clips, whole.clips[drawn.positions])
    # The same for every seed: their runs are about the same data.
    again = load_data(params_of(**raw, random_seed=5))
    np.testing.assert_array_equal(drawn.positions, again.positions)
    assert len(load_data(params_of(num_total=100000)).y) == 200


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"dataset": "sonds"}, "dataset: there is no dataset named 'sonds'; did you mean"),
        ({"dataset": {"name": "sounds", "n": 3}}, "dataset.n: make_sounds has no such parameter"),
        ({"dataset": {"name": "sounds", "n_classes": 99}}, "dataset: .*n_classes"),
        ({"dataset": "fsdd"}, "data_home: name the folder of the recordings of fsdd"),
        (
            {"dataset": "sounds", "data_home": "x"},
            "data_home: the data set sounds needs no folder",
        ),
        ({"dataset": "fsdd", "data_home": "/nowhere"}, "dataset: .*nowhere"),
        (
            {"num_classes": 9},
            "num_classes: .* expect 9 classes, but the data have 4 .*; correct num_classes",
        ),
    ],
)
def test_wrong_data_are_one_line(raw, message):
    with pytest.raises(ParameterError, match=message) as caught:
        load_data(params_of(**raw))
    assert "\n" not in str(caught.value)


def test_broken_clips_are_set_aside(tmp_path):
    sounds = write_sounds(make_sounds(9, 3, duration=0.2, random_state=0), tmp_path)
    broken = sorted(sounds.paths)[4]
    with open(broken, "wb") as file:
        file.write(b"this is no sound")
    data = load_data(params_of(dataset="folder", data_home=str(tmp_path)))
    transformer = LogMelSpectrogram(sr=8000, n_fft=256, n_mels=8, on_error="warn")
    done = []
    good, X, notes = compute_features(data, transformer, done.append)
    assert done == [9]
    assert len(good.y) == len(X) == 8
    assert broken not in good.files
    assert len(notes) == 1
    assert broken in notes[0]
    # Each row is still that of its own file.
    np.testing.assert_array_equal(X, transformer.transform(good.files))


@pytest.mark.parametrize("stored", [False, True])
def test_a_block_of_broken_clips_ends_nothing(tmp_path, monkeypatch, stored):
    monkeypatch.setattr("skal.experiment.runs.data._BLOCK", 3)
    sounds = write_sounds(make_sounds(9, 3, duration=0.2, random_state=0), tmp_path / "in")
    broken = sorted(sounds.paths)
    for path in broken[:3] + broken[6:7]:
        with open(path, "wb") as file:
            file.write(b"this is no sound")
    data = load_data(params_of(dataset="folder", data_home=str(tmp_path / "in")))
    # Without a duration, the shape is only known from a clip that can be read.
    transformer = LogMelSpectrogram(sr=8000, n_fft=256, n_mels=8, on_error="warn")
    done, store = [], tmp_path / "store" if stored else None
    good, X, notes = compute_features(data, transformer, done.append, store)
    assert done == [3, 6, 9] and len(notes) == 4 and len(good.y) == len(X) == 5
    np.testing.assert_array_equal(X, transformer.transform(good.files))
    transformer.set_params(on_error="raise")
    with pytest.raises(
        ParameterError, match=r"(?s)features: 3 of the clips.*--features.on_error warn"
    ):
        compute_features(data, transformer, done.append, store)
    last = data.take(np.flatnonzero(~np.isin(data.files, broken[:3])))
    with pytest.raises(ParameterError, match=rf"X\[{list(last.files).index(broken[6])}\]"):
        compute_features(last, transformer, done.append, store)


def test_a_recording_that_cannot_be_cut_into_windows_ends_nothing(tmp_path, recwarn):
    sounds = write_sounds(make_sounds(9, 3, duration=0.2, random_state=0), tmp_path)
    broken = sorted(sounds.paths)[4]
    with open(broken, "wb") as file:
        file.write(b"this is no sound")
    raw = {"data_home": str(tmp_path), "dataset": {"name": "folder", "window": 0.1}}
    data = load_data(params_of(**raw))
    assert len(data.y) == 16 and not recwarn.list
    assert len(data.notes) == 1 and data.take(np.arange(3)).notes == data.notes
    assert data.notes[0].startswith(f"set aside {broken}: not a sound file")
    assert "What to do: convert it" in data.notes[0]
    raw["dataset"]["on_error"] = "raise"
    with pytest.raises(ParameterError, match=r"dataset: 1 problems"):
        load_data(params_of(**raw))


def test_no_usable_clip_at_all(tmp_path):
    for name in ("dog", "rain"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(b"this is no sound")
    data = load_data(params_of(dataset="folder", data_home=str(tmp_path)))
    with pytest.raises(ExperimentError, match=r"no clip can be used.*a\.wav"):
        compute_features(data, LogMelSpectrogram(duration=0.1, on_error="warn"), print)


def test_clips_of_different_lengths_name_the_option(tmp_path):
    for name, duration in (("dog", 0.2), ("rain", 0.3)):
        made = make_sounds(3, 2, duration=duration, random_state=0)
        write_sounds(made, tmp_path / name)
    data = load_data(params_of(dataset="folder", data_home=str(tmp_path)))
    with pytest.raises(ParameterError, match=r"give --features\.duration SECONDS"):
        compute_features(data, LogMelSpectrogram(sr=8000, n_fft=256), print)


def test_clips_that_do_not_suit_the_features():
    data = load_data(params_of())
    with pytest.raises(ParameterError, match="features: win_length=512 is longer"):
        compute_features(data, LogMelSpectrogram(n_fft=256, win_length=512), print)
