"""The store of features: computed once, interrupted, changed, shared, larger than memory."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
import warnings
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal.audio import (
    MFCC,
    PCEN,
    BrokenClipsError,
    FeatureCache,
    LogMelSpectrogram,
    _store,
    build_features,
    cache,
)
from skal.audio._store import FeatureStore

SMALL = {"sr": 8000, "n_fft": 256, "hop_length": 128, "n_mels": 20, "duration": 0.3}


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "sounds"
    folder.mkdir()
    made = [str(folder / f"{i:02d} ü\n.wav") for i in range(10)]
    for path in made:
        soundfile.write(path, rng.normal(scale=0.1, size=2400), 8000)
    return made


class Counting(LogMelSpectrogram):
    """Counts the clips that are really computed."""

    computed = 0

    def transform_readable(self, X):
        Counting.computed += len(X)
        return super().transform_readable(X)


@pytest.fixture
def features(tmp_path):
    Counting.computed = 0
    return FeatureCache(Counting(**SMALL), str(tmp_path / "store"), block=4)


def test_computed_once(features, paths):
    expected = LogMelSpectrogram(**SMALL).transform(paths)
    for _ in range(2):
        got = features.fit_transform(paths)
        assert isinstance(got, np.memmap) and not got.flags.writeable
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(clone(features).transform(paths[3:6]), expected[3:6])
    np.testing.assert_array_equal(features.transform(paths[::-2]), expected[::-2])
    assert Counting.computed == 10


def test_new_and_changed_files_are_noticed(features, paths):
    features.transform(paths[:6])
    features.transform(paths)
    assert Counting.computed == 10
    y = np.random.default_rng(9).normal(scale=0.1, size=2400)
    soundfile.write(paths[2], y, 8000)
    os.utime(paths[2], ns=(1, 1))
    got = features.transform(paths)
    assert Counting.computed == 11
    np.testing.assert_array_equal(got, LogMelSpectrogram(**SMALL).transform(paths))


def test_content_as_key(features, paths):
    features.set_params(key="content").transform(paths)
    os.utime(paths[0], ns=(1, 1))
    moved = shutil.move(paths[1], paths[1] + ".wav")
    features.transform([paths[0], moved, *paths[2:]])
    assert Counting.computed == 10


@pytest.mark.parametrize(
    "change",
    [{"n_mels": 21}, {"top_db": None}, {"pcen": PCEN()}, {"pcen": PCEN(gain=0.5)}, {"htk": True}],
)
def test_changed_parameters_are_noticed(features, paths, change):
    features.transform(paths)
    features.transformer.set_params(**change)
    got = features.transform(paths)
    assert Counting.computed == 20
    np.testing.assert_array_equal(got, LogMelSpectrogram(**{**SMALL, **change}).transform(paths))


def test_what_does_not_change_values_is_not_noticed(features, paths):
    features.transform(paths)
    features.transformer.set_params(n_jobs=2, on_error="warn", n_mels=np.int64(20), fmin=0)
    features.transform(paths)
    assert Counting.computed == 10
    kinds = {FeatureCache(t(**SMALL), "x").store_folder() for t in (MFCC, LogMelSpectrogram)}
    assert len(kinds) == 2


@pytest.mark.parametrize(
    "cut", ["row without key", "half a row", "half a key", "no key", "no rows"]
)
def test_goes_on_after_an_interruption(features, paths, cut):
    expected = LogMelSpectrogram(**SMALL).transform(paths)
    features.transform(paths[:5])
    folder = features.store_folder()
    keys, rows = folder / "keys.bin", folder / "features.bin"
    if cut == "row without key":
        keys.write_bytes(keys.read_bytes()[:-20])
    elif cut == "half a row":
        rows.write_bytes(rows.read_bytes() + b"xyz")
    elif cut == "half a key":
        keys.write_bytes(keys.read_bytes() + b"xyz")
    elif cut == "no rows":
        rows.unlink()
    else:
        keys.write_bytes(b"")
    before = Counting.computed
    np.testing.assert_array_equal(features.transform(paths), expected)
    assert Counting.computed - before == {"row without key": 6, "no key": 10, "no rows": 10}.get(
        cut, 5
    )


def test_a_store_that_was_copied_in_part_is_completed(features, paths):
    expected = np.array(features.transform(paths))
    os.truncate(features.store_folder() / "features.bin", 3 * expected[0].nbytes + 5)
    np.testing.assert_array_equal(features.transform(paths), expected)
    assert Counting.computed == 17
    (features.store_folder() / "shape.json").write_text("")
    with pytest.raises(ValueError, match=r"shape\.json' is damaged.*remove the folder"):
        features.transform(paths)


def flip_bit(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(10))
def test_damaged_features_are_computed_again_and_reported(features, paths, seed):
    rng = np.random.default_rng(seed)
    expected = np.array(features.transform(paths))
    flip_bit(features.store_folder() / "features.bin", rng)
    with pytest.warns(UserWarning, match="1 of 10 features in .* were damaged"):
        got = features.transform(paths)
    np.testing.assert_array_equal(got, expected)
    assert Counting.computed == 11
    features.transform(paths)
    assert Counting.computed == 11


def grow_old(folder):
    """Make the files of a store look as if they had not changed for an hour."""
    for path in folder.iterdir():
        os.utime(path, ns=(0, time.time_ns() - 3_600_000_000_000))


def test_a_process_checks_a_row_once_as_long_as_the_files_stay(features, paths, monkeypatch):
    features.transform(paths)
    grow_old(features.store_folder())
    real, seen = zlib.crc32, []

    def crc32(content):
        seen.extend([1] * isinstance(content, np.ndarray))
        return real(content)

    monkeypatch.setattr(_store, "zlib", SimpleNamespace(crc32=crc32))
    features.transform(paths[:4])
    features.transform(paths)
    features.transform(paths)
    assert len(seen) == 10
    os.utime(features.store_folder() / "features.bin")
    features.transform(paths)
    assert len(seen) == 20


@pytest.mark.parametrize("seed", range(3))
def test_damage_after_a_check_is_noticed_by_the_time_of_the_file(features, paths, seed):
    expected = np.array(features.transform(paths))
    grow_old(features.store_folder())
    features.transform(paths)
    flip_bit(features.store_folder() / "features.bin", np.random.default_rng(seed))
    with pytest.warns(UserWarning, match="1 of 10 features"):
        got = features.transform(paths)
    np.testing.assert_array_equal(got, expected)


def test_the_time_of_a_file_that_just_changed_is_not_trusted(features, paths):
    features.transform(paths)
    path = features.store_folder() / "features.bin"
    before = path.stat().st_mtime_ns
    features.transform(paths)
    flip_bit(path, np.random.default_rng(0))
    os.utime(path, ns=(before, before))  # as if the clock of the disk had not moved
    with pytest.warns(UserWarning, match="1 of 10 features"):
        features.transform(paths)


@pytest.mark.parametrize("name", ["keys.bin", "shape.json"])
@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_bit_beside_the_features_changes_none(features, paths, name, seed):
    expected = np.array(features.transform(paths))
    flip_bit(features.store_folder() / name, np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            got = features.transform(paths)
        except ValueError as error:
            assert name == "shape.json"
            assert "is damaged" in str(error)
            return
    np.testing.assert_array_equal(got, expected)


def test_a_damaged_recording_of_damaged_features_is_broken(features, paths):
    features.transform(paths)
    content = bytearray((features.store_folder() / "features.bin").read_bytes())
    content[0] ^= 1
    (features.store_folder() / "features.bin").write_bytes(content)
    times = os.stat(paths[0])
    with open(paths[0], "r+b") as file:
        file.write(b"xxxx")
    os.utime(paths[0], ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.warns(UserWarning, match="were damaged"):
        rows, broken = features.transform_readable(paths)
    assert list(broken) == [0]
    assert len(rows) == 9


def test_an_error_in_the_middle_keeps_what_was_done(features, paths, monkeypatch):
    whole = Counting.transform_readable

    def breaks(self, X):
        if Counting.computed >= 8:
            raise KeyboardInterrupt
        return whole(self, X)

    monkeypatch.setattr(Counting, "transform_readable", breaks)
    with pytest.raises(KeyboardInterrupt):
        features.transform(paths)
    monkeypatch.setattr(Counting, "transform_readable", whole)
    features.transform(paths)
    assert Counting.computed == 10


def test_half_precision(features, paths):
    features.set_params(dtype="float16")
    got = features.transform(paths)
    assert got.dtype == np.float16
    np.testing.assert_allclose(got, LogMelSpectrogram(**SMALL).transform(paths), atol=0.04)


def test_windows_have_rows_of_their_own(features, paths):
    got = features.transform([paths[0], f"{paths[0]}#t=0.1,0.2", (paths[0], 0.1, 0.3)])
    assert Counting.computed == 3
    assert (got[0] != got[1]).any() and (got[1] != got[2]).any()


def test_failures(features, paths, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    X = [paths[0], str(tmp_path / "bad.wav"), *paths[1:], 7]
    with pytest.raises(BrokenClipsError, match=r"bad\.wav"):
        features.transform(X)
    features.transformer.set_params(on_error="warn")
    with pytest.warns(UserWarning, match="2 clips"):
        got = features.transform(X)
    readable, broken = features.transform_readable(X)
    assert list(broken) == [1, 11] and not got[[1, 11]].any()
    assert broken[1].path == str(tmp_path / "bad.wav") and broken[1].advice
    np.testing.assert_array_equal(readable, np.delete(got, [1, 11], axis=0))
    assert len(FeatureStore(features.store_folder())) == 10
    soundfile.write(tmp_path / "bad.wav", np.sin(np.arange(2400.0)), 8000)
    assert features.transform(X[:-1])[1].any()


def test_report(paths, tmp_path):
    (tmp_path / "a\nb, ü.wav").write_text("no sound")
    calls = []
    arguments = (LogMelSpectrogram(**SMALL), tmp_path / "store")
    report = build_features(
        [*paths, str(tmp_path / "a\nb, ü.wav")], *arguments, progress=lambda *n: calls.append(n)
    )
    assert calls == [(0, 11, 0), (8, 11, 0), (11, 11, 1)]
    assert report[1:3] == (11, 10) and report.shape == (20, 19, 1)
    with open(os.path.join(report.store, "broken.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1 and rows[0]["path"] == str(tmp_path / "a\nb, ü.wav")
    assert rows[0]["position"] == "10" and rows[0]["reason"] and rows[0]["advice"]
    again = build_features(paths, *arguments)
    assert again.n_computed == 0 and again.broken == {}


def blocks_of(monkeypatch, store, paths, seconds, **changes):
    """Return the sizes of blocks when a clip takes this long."""
    now, sizes = [0.0], []

    class Slow(LogMelSpectrogram):
        def transform_readable(self, X):
            now[0] += seconds * len(X)
            sizes.append(len(X))
            return np.ones((len(X), 2), dtype=np.float32), {}

    monkeypatch.setattr(cache, "monotonic", lambda: now[0])
    FeatureCache(Slow(**SMALL, **changes), store).transform(paths)
    return sizes


def test_a_block_takes_half_a_minute(monkeypatch, paths, tmp_path):
    many = [f"{path}{i}" for path in paths for i in range(400)]
    fast = blocks_of(monkeypatch, tmp_path / "fast", many, 0.001)
    assert fast == [8, 32, 128, 512, 1024, 1024, 1024, 248]
    slow = blocks_of(monkeypatch, tmp_path / "slow", many, 0.5)
    assert slow[:4] == [8, 32, 60, 60]
    slower = blocks_of(monkeypatch, tmp_path / "slower", many[:30], 40.0)
    assert slower == [8] + 22 * [1]
    # Every worker has a clip.
    workers = blocks_of(monkeypatch, tmp_path / "workers", many[:30], 40.0, n_jobs=3)
    assert workers == [8] + 7 * [3] + [1]


@pytest.mark.parametrize("duration", [None, 0.3])
def test_nothing_readable(tmp_path, duration):
    features = FeatureCache(
        LogMelSpectrogram(**{**SMALL, "duration": duration}, on_error="warn"), tmp_path / "store"
    )
    report = build_features([tmp_path / "gone.wav"], features.transformer, features.store)
    assert report.shape is None and list(report.broken) == [0]
    if duration is None:
        with pytest.raises(BrokenClipsError):
            features.transform([tmp_path / "gone.wav"])
    else:
        with pytest.warns(UserWarning, match="1 clips"):
            assert features.transform([tmp_path / "gone.wav"]).shape == (1, 20, 19, 1)


def test_selections_larger_than_memory_lie_on_disk(features, paths, monkeypatch):
    monkeypatch.setattr(cache, "_IN_MEMORY", 0)
    whole = features.transform(paths)
    order = np.random.default_rng(0).permutation(10)
    for _ in range(2):
        got = features.transform([paths[i] for i in order])
        assert isinstance(got, np.memmap)
        np.testing.assert_array_equal(got, whole[order])
    (selection,) = features.store_folder().glob("selection-*")
    # A damaged copy is made again.
    for seed in range(3):
        flip_bit(selection, np.random.default_rng(seed))
        got = features.transform([paths[i] for i in order])
        np.testing.assert_array_equal(got, whole[order])
    # A whole one is checked once.
    grow_old(features.store_folder())
    features.transform([paths[i] for i in order])
    monkeypatch.setattr(_store, "zlib", SimpleNamespace(crc32=lambda content: None))
    monkeypatch.setattr(FeatureStore, "_stored_shape", lambda store: whole.shape[1:])
    np.testing.assert_array_equal(features.transform([paths[i] for i in order]), whole[order])
    monkeypatch.undo()
    monkeypatch.setattr(cache, "_IN_MEMORY", 0)
    # A campaign asks for another pool in every round: not all of them are kept.
    for start in range(1, 9):
        again = features.transform(paths[start::-1])
        np.testing.assert_array_equal(again, whole[start::-1])
    np.testing.assert_array_equal(got, whole[order])
    assert len(list(features.store_folder().glob("selection-*"))) == cache._SELECTIONS


FILL = """
import json, sys
from skal.audio import FeatureCache, LogMelSpectrogram
parameters, store, paths = json.load(sys.stdin)
FeatureCache(LogMelSpectrogram(**parameters), store, block=1).transform(paths)
"""


def test_two_processes_share_a_store(features, paths):
    workers = []
    for start in (0, 5):
        worker = subprocess.Popen([sys.executable, "-c", FILL], stdin=subprocess.PIPE, text=True)
        json.dump([SMALL, features.store, paths[start:] + paths[:start]], worker.stdin)
        worker.stdin.close()
        workers.append(worker)
    assert [worker.wait(timeout=100) for worker in workers] == [0, 0]
    plain = FeatureCache(LogMelSpectrogram(**SMALL), features.store)
    store = FeatureStore(plain.store_folder())
    assert len(store) == 10
    expected = LogMelSpectrogram(**SMALL).transform(paths)
    np.testing.assert_array_equal(plain.transform(paths), expected)


def test_in_a_pipeline(features, paths):
    features.transformer.set_params(flatten=True)
    y = np.arange(10) % 2
    pipeline = make_pipeline(features, LogisticRegression()).fit(paths, y)
    assert pipeline.score(paths, y) == 1
    with pytest.raises(TypeError, match="waveforms"):
        features.transform(np.zeros((3, 100)))


def test_one_shape(tmp_path, paths):
    features = FeatureCache(LogMelSpectrogram(**{**SMALL, "duration": None}), tmp_path / "store")
    features.transform(paths)
    soundfile.write(tmp_path / "long.wav", np.sin(np.arange(9000.0)), 8000)
    with pytest.raises(ValueError, match="duration="):
        features.transform([tmp_path / "long.wav"])
