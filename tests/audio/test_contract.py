"""Transformers of recordings that are not skal's own, in the feature store."""

import numpy as np
import pytest
import soundfile
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

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


class Tensor:
    """Rows of another library: NumPy can read them, but they are no array."""

    def __init__(self, rows):
        self.rows = rows

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.rows, dtype)


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

    with pytest.raises(TypeError, match="must return a row of numbers for each of 8 clips"):
        FeatureCache(Wrong(), tmp_path / "store").transform(recordings)


@pytest.mark.parametrize(
    "form", [np.ndarray.tolist, sparse.csr_matrix, sparse.coo_array, np.float16, Tensor]
)
def test_rows_in_any_container(form, recordings, tmp_path):
    class InIt(Levels):
        def transform(self, X):
            return form(super().transform(X) * [1, 1e5])

    expected = Levels().transform(recordings) * [1, 1e5]
    got = FeatureCache(InIt(), tmp_path / "store").transform(recordings)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-3)


def test_rows_without_numbers_or_of_different_lengths_are_refused(recordings, tmp_path):
    class Wrong(Levels):
        def transform(self, X):
            rows = super().transform(X)
            return rows[:, :0] if self.power == 0 else [r[: 1 + (r[0] < 804)] for r in rows]

    with pytest.raises(TypeError, match=r"a row of numbers for each of 8 clips.*0\)"):
        FeatureCache(Wrong(0.0), tmp_path / "store").transform(recordings)
    with pytest.raises(TypeError, match=r"different shapes, such as \(1,\) and \(2,\)"):
        FeatureCache(Wrong(), tmp_path / "store").transform(recordings)


class Learning(Levels):
    """Rows minus the first one that it was fitted on."""

    def fit(self, X, y=None):
        self.first_ = Levels().transform(X)[0]
        return self

    def transform(self, X):
        return super().transform(X) - self.first_


class Loading(Levels):
    """Loads its network in fit."""

    def fit(self, X, y=None):
        self.network_ = np.full(2, self.power)
        return self

    def transform(self, X):
        return super().transform(X) * self.network_


def test_what_learns_from_the_clips_is_refused(recordings, tmp_path):
    for step in (Learning(), make_pipeline(Levels(), StandardScaler())):
        with pytest.raises(TypeError, match="depend on the clips that it was fitted on"):
            FeatureCache(step, tmp_path / "store").transform(recordings)
    for step in (Loading(), make_pipeline(Levels(), Normalizer())):
        got = FeatureCache(step, tmp_path / "store").transform(recordings)
        np.testing.assert_allclose(got, step.fit(recordings).transform(recordings), rtol=1e-6)


def test_a_broken_first_clip_does_not_stop_a_fit_that_reads_it(recordings, tmp_path):
    class Reading(Levels):
        def fit(self, X, y=None):
            super().transform(X)
            return self

    (tmp_path / "0.wav").write_bytes(b"no sound")
    rows, broken = FeatureCache(Reading(), tmp_path / "store").transform_readable(recordings)
    assert list(broken) == [0] and len(rows) == 8


def test_parameters_that_cannot_be_found_are_refused(recordings, tmp_path):
    class Hidden(Duck):
        def __init__(self, power, *more, **options):
            self._power = power

    class Known(Hidden):
        power = 2.0

        def fingerprint(self):
            return str(self._power)

    with pytest.raises(TypeError, match=r"has no attribute of this name.*self\.power"):
        FeatureCache(Hidden(2.0), tmp_path / "store").transform(recordings)
    FeatureCache(Known(2.0), tmp_path / "store").transform(recordings)
    folders = {FeatureCache(Known(p), tmp_path / "store").store_folder() for p in (2.0, 3.0)}
    assert len(folders) == 2


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
