"""No recording, speaker or fold is on both sides of a split, whatever the data set."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skal._utils.sound.windows import as_window
from skal.datasets import (
    load_audio_folder,
    load_esc50,
    load_fsdd,
    load_speech_commands,
    load_urbansound8k,
    load_whale,
    make_sounds,
    recordings_of,
    train_test_positions,
)
from skal.datasets._bunch import make_bunch
from skal.datasets.splits import on_both_sides
from skal.experiment.messages import ParameterError
from skal.experiment.params.parameters import load_params
from skal.experiment.runs.data import load_data
from skal.experiment.runs.splits import split_data
from tests.datasets.conftest import write


def check_apart(data, train, test, groups=True):
    assert len(train) and len(test) and not np.intersect1d(train, test).size
    if data.paths is not None:
        files = np.array([as_window(path).path for path in data.paths], dtype=object)
        assert not set(files[train]) & set(files[test])
    if groups:
        assert not set(data.groups[train]) & set(data.groups[test])


LOADERS = {
    "urbansound8k": load_urbansound8k,
    "esc50": load_esc50,
    "esc10_old": load_esc50,
    "speech_commands": load_speech_commands,
    "whale": load_whale,
}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("by", ["official", "group", "recording"])
def test_published(request, name, by):
    data = LOADERS[name](request.getfixturevalue(name))
    if by == "official" and data.fold is None and data.split is None:
        with pytest.raises(ValueError, match="no official split"):
            train_test_positions(data, by)
        return
    for seed in range(5):
        train, test = train_test_positions(data, by, random_state=seed)
        # By recording, speakers are on both sides; what was cut from one recording is not.
        check_apart(data, train, test, groups=by != "recording" or data.recordings is not None)
    if by == "official" and data.fold is not None:
        for fold in np.unique(data.fold):
            train, test = train_test_positions(data, test_fold=fold)
            check_apart(data, train, test)
            assert set(data.fold[test]) == {fold} and fold not in data.fold[train]
            assert len(train) + len(test) == len(data.target)
        with pytest.raises(ValueError, match="no fold 99"):
            train_test_positions(data, test_fold=99)


# The whale calls here are of two days, which are not enough for three parts.
@pytest.mark.parametrize("name", sorted(set(LOADERS) - {"whale"}))
@pytest.mark.parametrize("kind", ["official", "groups", "random"])
@pytest.mark.parametrize("held_out", [0.0, 0.3])
def test_of_an_experiment(request, name, kind, held_out):
    raw = {
        "dataset": name.removesuffix("_old").replace("esc10", "esc50"),
        "data_home": str(request.getfixturevalue(name)),
        "split": kind,
        "validation_fraction": held_out,
    }
    params, _ = load_params(raw)
    data = load_data(params)
    if kind == "official" and (data.part is None or (held_out and "validation" in data.part)):
        with pytest.raises(ParameterError, match="official"):
            split_data(data, params, 0)
        return
    for seed in range(5):
        split = split_data(data, params, seed)
        parts = split.train, split.valid, split.test
        assert sum(map(len, parts)) == len(data.y)
        assert len(split.valid) or not held_out
        values = [data.recordings, data.files] + [data.groups] * (kind != "random")
        assert all(len(on_both_sides(value, *parts)) == 0 for value in values)


def test_fsdd(fsdd_home):
    data = load_fsdd(fsdd_home)
    train, test = train_test_positions(data)
    assert (len(train), len(test)) == (2700, 300)
    check_apart(data, train, test, groups=False)
    check_apart(data, *train_test_positions(data, "group", random_state=0))


def test_windows_and_waveforms(tmp_path):
    for i in range(4):
        write(tmp_path / "a" / f"{i}.wav", i)
    data = load_audio_folder(tmp_path, window=0.05)
    for by in ("group", "recording"):
        check_apart(data, *train_test_positions(data, by, test_size=0.3, random_state=0))
    sounds = make_sounds(40, 3, duration=0.1, random_state=0)
    check_apart(sounds, *train_test_positions(sounds, "group", random_state=0))
    assert recordings_of(sounds).tolist() == list(range(40))


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_two_names_of_a_recording_stay_together(tmp_path, link):
    for i in range(4):
        write(tmp_path / "a" / f"{i}.wav", i)
        link(tmp_path / "a" / f"{i}.wav", tmp_path / "a" / f"again {i}.wav")
    (tmp_path / "a" / "gone.wav").symlink_to("nowhere.wav")
    data = load_audio_folder(tmp_path)
    recordings = recordings_of(data)
    assert recordings.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    for by in ("group", "recording"):
        for seed in range(5):
            train, test = train_test_positions(data, by, random_state=seed)
            assert not set(recordings[train]) & set(recordings[test])


@st.composite
def tables(draw):
    n = draw(st.integers(2, 40))
    files = draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    groups = draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    fold = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    paths = [f"{file}.wav#t={i},{i + 1}" for i, file in enumerate(files)]
    return make_bunch(["x"] * n, paths=paths, groups=groups, fold=fold)


SPLITS = st.sampled_from(["official", "group", "recording"])


@given(data=tables(), by=SPLITS, seed=st.integers(0, 9))
def test_any_table(data, by, seed):
    try:
        train, test = train_test_positions(data, by, random_state=seed, test_size=0.4)
    except ValueError as error:
        # Where there is no such split, it says why instead of making a leaking one.
        assert any(word in str(error) for word in ("both sides", "at least 2", "to test on"))
        return
    check_apart(data, train, test, groups=by != "recording")
    assert len(train) + len(test) == len(data.target)
