"""Transformers of recordings that are not skal's own, in the feature store."""

import numpy as np
import pytest
import soundfile
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from skal.audio import BrokenClipsError, FeatureCache, LogMelSpectrogram, build_features
from skal.audio.contract import readable_rows, takes_recordings

ASKED = []


class Levels(BaseEstimator):
    """Two numbers of a recording, read by soundfile itself."""

    def __init__(self, power=2.0):
        self.power = power

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        ASKED.extend(X)
        waves = [soundfile.read(path)[0] for path in X]
        return np.array([[len(y), (np.abs(y) ** self.power).mean()] for y in waves])


class Duck:
    """The same without scikit-learn."""

    def __init__(self, power=2.0):
        self.power = power

    def transform(self, X):
        return Levels(self.power).transform(X)


@pytest.fixture
def recordings(tmp_path):
    rng, paths = np.random.default_rng(0), []
    for i in range(9):
        paths.append(str(tmp_path / f"{i}.wav"))
        soundfile.write(paths[-1], rng.normal(0, 0.1, 800 + i), 8000)
    return paths


@pytest.mark.parametrize("make", [Levels, Duck])
def test_rows_are_computed_once_and_kept(make, recordings, tmp_path):
    ASKED.clear()
    expected = make().transform(recordings).astype(np.float32)
    for _ in range(2):
        got = FeatureCache(make(), tmp_path / "store").transform(recordings)
        np.testing.assert_array_equal(got, expected)
    assert len(ASKED) == 2 * len(recordings)
    other = FeatureCache(make(power=1.0), tmp_path / "store").transform(recordings)
    np.testing.assert_array_equal(other, make(power=1.0).transform(recordings).astype("f4"))


def test_broken_recordings_are_found(recordings, tmp_path):
    for i in (0, 5):
        (tmp_path / f"{i}.wav").write_bytes(b"no sound")
    rows, broken = readable_rows(Duck(), recordings)
    assert list(broken) == [0, 5] and "0.wav" in broken[0].path
    good = [path for i, path in enumerate(recordings) if i not in broken]
    np.testing.assert_array_equal(rows, Duck().transform(good).astype(np.float32))
    report = build_features(recordings, Levels(), tmp_path / "store")
    assert list(report.broken) == [0, 5] and report.n_computed == 7
    with pytest.raises(BrokenClipsError, match=r"0\.wav"):
        FeatureCache(Levels(), tmp_path / "store").transform(recordings)
    assert readable_rows(Duck(), [recordings[0]]) == (None, {0: broken[0]})


def test_what_gives_no_rows_is_refused(recordings, tmp_path):
    class Wrong(Levels):
        def transform(self, X):
            return super().transform(X)[:, 0]

    with pytest.raises(TypeError, match="must return a row of numbers for each of 9 clips"):
        FeatureCache(Wrong(), tmp_path / "store").transform(recordings)


def test_rows_that_are_not_finite_count_as_broken(recordings):
    class Wild(Levels):
        def transform(self, X):
            rows = super().transform(X)
            rows[np.array([path.endswith("3.wav") for path in X])] = np.nan
            return rows

    rows, broken = readable_rows(Wild(), recordings)
    assert list(broken) == [3] and len(rows) == 8


def test_who_takes_recordings(recordings, tmp_path):
    (tmp_path / "0.wav").write_bytes(b"no sound")
    takes = [LogMelSpectrogram(), Levels(), Duck(), FeatureCache(Levels(), tmp_path)]
    assert all(takes_recordings(step, recordings) for step in takes)
    assert not takes_recordings(StandardScaler(), recordings)
