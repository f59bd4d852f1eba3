"""Features: librosa's values, scikit-learn's contract, any kind of X, broken clips."""

import pickle
import warnings
from pathlib import Path

import joblib
import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal.audio import MFCC, BrokenClipsError, FeatureCache, LogMelSpectrogram
from skal.audio._layout import normalized
from tests.audio.conftest import BROKEN, break_file

# What librosa falls back on imports modules that Python deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)':DeprecationWarning")

SMALL = {"sr": 8000, "n_fft": 256, "hop_length": 128, "n_mels": 20}


@parametrize_with_checks(
    [
        LogMelSpectrogram(),
        MFCC(),
        LogMelSpectrogram(**SMALL, duration=0.2, flatten=True, deltas=2, normalize="clip"),
        MFCC(**SMALL, flatten=True, segment_frames=5),
    ]
)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def waveforms(noisy_tone):
    t = np.arange(22050) / 22050
    pure = np.sin(2 * np.pi * 440 * t)
    quiet = 1e-4 * np.random.default_rng(1).normal(size=t.size)
    return np.stack([noisy_tone, pure, quiet, np.zeros_like(t)]).astype(np.float32)


SETTINGS = [
    {},
    {"power": 1.0, "n_mels": 40},
    {"power": 1.5, "window": "hamming", "pad_mode": "reflect"},
    {"center": False, "win_length": 400, "n_fft": 512, "hop_length": 160, "htk": True},
    {"fmin": 50, "fmax": 8000, "n_fft": 1024, "win_length": 600},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("decibels", [{}, {"ref": "max", "top_db": None}, {"ref": 0.5}])
def test_log_mel_is_librosas(waveforms, settings, decibels):
    got = LogMelSpectrogram(**settings, **decibels).transform(waveforms)
    for features, y in zip(got, waveforms, strict=True):
        S = librosa.feature.melspectrogram(y=y, sr=22050, **{"n_mels": 60, **settings})
        ref = {"ref": np.max} if decibels.get("ref") == "max" else decibels
        expected = librosa.power_to_db(S, **{**decibels, **ref})
        np.testing.assert_allclose(features[..., 0], expected, atol=1e-4)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("cosine", [{}, {"lifter": 22, "n_mfcc": 13}, {"dct_type": 3}])
def test_mfcc_is_librosas(waveforms, settings, cosine):
    got = MFCC(**settings, **cosine, deltas=2).transform(waveforms)
    for features, y in zip(got, waveforms, strict=True):
        options = {"n_mels": 60, **settings, **cosine}
        expected = librosa.feature.mfcc(y=y, sr=22050, **options)
        for order, channel in enumerate(np.moveaxis(features, -1, 0)):
            wanted = librosa.feature.delta(expected, order=order) if order else expected
            # What single precision leaves of sums as large as the first coefficient.
            rounding = 1e-4 + 1e-6 * np.abs(expected).max()
            np.testing.assert_allclose(channel, wanted, rtol=1e-4, atol=rounding)


def test_files_and_waveforms_agree(tmp_path, waveforms):
    paths = [tmp_path / f"{i}.wav" for i in range(3)]
    for path, y in zip(paths, waveforms, strict=False):
        soundfile.write(path, y, 22050, subtype="FLOAT")
    model = LogMelSpectrogram(n_jobs=2)
    expected = model.transform(waveforms[:3])
    containers = [paths, [str(p) for p in paths], np.array(paths), np.array(paths, dtype=str)]
    containers += [pd.Series([str(p) for p in paths], index=[7, 8, 9]), tuple(paths)]
    containers += [pd.DataFrame({"path": paths}), [(p, 0.0, None) for p in paths]]
    containers += [list(waveforms[:3])]
    for X in containers:
        np.testing.assert_array_equal(model.fit(X).transform(X), expected)


def test_real_recordings(fsdd_home):
    paths = sorted((fsdd_home / "recordings").glob("*_0.wav"))[:20]
    got = LogMelSpectrogram(duration=1.0).transform(paths)
    for features, path in zip(got, paths, strict=True):
        y = librosa.util.fix_length(librosa.load(path, sr=22050, duration=1.0)[0], size=22050)
        S = librosa.feature.melspectrogram(y=y, sr=22050, n_mels=60)
        np.testing.assert_allclose(features[..., 0], librosa.power_to_db(S), atol=1e-4)


@pytest.mark.parametrize("backend", [pytest.param("loky", marks=pytest.mark.slow), "threading"])
def test_backends_give_the_same(waveforms, backend):
    model = LogMelSpectrogram(n_jobs=2)
    expected = model.transform(waveforms)
    with joblib.parallel_config(backend=backend):
        np.testing.assert_allclose(model.transform(waveforms), expected, rtol=1e-5, atol=1e-5)


def test_lengths(waveforms):
    clips = [waveforms[0][:5000], waveforms[0]]
    with pytest.raises(ValueError, match="duration="):
        LogMelSpectrogram().transform(clips)
    # In different blocks, too.
    with pytest.raises(ValueError, match="differ in length"):
        LogMelSpectrogram().transform([clips[0]] * 100 + [clips[1]])
    got = LogMelSpectrogram(duration=0.5).transform(clips)
    padded = np.pad(clips[0], (0, 6025))
    np.testing.assert_array_equal(got[0], LogMelSpectrogram().transform(padded[None])[0])
    with pytest.raises(ValueError, match="shorter than n_fft"):
        LogMelSpectrogram(center=False).transform(waveforms[:, :100])


@pytest.mark.parametrize("segment_frames", [None, 9, 41, 100])
@pytest.mark.parametrize("deltas", [0, 2])
@pytest.mark.parametrize("flatten", [False, True])
def test_feature_shape(waveforms, segment_frames, deltas, flatten):
    model = MFCC(segment_frames=segment_frames, deltas=deltas, flatten=flatten)
    got = model.fit_transform(waveforms)
    assert got.dtype == np.float32 and got.flags.c_contiguous
    assert got.shape[1:] == model.feature_shape(22050)
    assert got.shape[1:] == clone(model).set_params(duration=1.0).feature_shape()
    if flatten:
        names = model.get_feature_names_out()
        assert len(names) == len(set(names)) == got.shape[1]
    with pytest.raises(ValueError, match="duration="):
        clone(model).feature_shape()


def test_segments_are_cut_from_the_whole(waveforms):
    whole = LogMelSpectrogram(deltas=1).transform(waveforms)
    cut = LogMelSpectrogram(deltas=1, segment_frames=20, overlap=0.5).transform(waveforms)
    assert cut.shape == (4, 4, 60, 20, 2)
    for k, start in enumerate([0, 10, 20, 24]):
        np.testing.assert_array_equal(cut[:, k], whole[:, :, start : start + 20])


@pytest.mark.parametrize("axes", [(2,), (1, 2)])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_what_never_moves_is_not_blown_up(axes, n_channels):
    rng = np.random.default_rng(0)
    for value in rng.uniform(-100, 0, size=50):
        features = np.full((1, 60, rng.integers(10, 700), n_channels), value, dtype=np.float32)
        assert np.abs(normalized(features, axes)).max() < 1e-4


@pytest.mark.parametrize(("overlap", "step"), [(0, 10), (0.5, 5), (0.7, 3), (0.8, 2), (0.9, 1)])
def test_segments_are_as_far_apart_as_they_say(waveforms, overlap, step):
    whole = LogMelSpectrogram().transform(waveforms[:1])
    cut = LogMelSpectrogram(segment_frames=10, overlap=overlap).transform(waveforms[:1])
    np.testing.assert_array_equal(cut[:, 1], whole[:, :, step : step + 10])


def test_normalize(waveforms):
    per_clip = LogMelSpectrogram(normalize="clip", deltas=1).transform(waveforms[:3])
    np.testing.assert_allclose(per_clip.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(per_clip.std(axis=(1, 2)), 1, atol=1e-3)
    per_band = LogMelSpectrogram(normalize="band").transform(waveforms[:1])
    np.testing.assert_allclose(per_band.mean(axis=2), 0, atol=1e-4)
    silent = LogMelSpectrogram(normalize="band").transform(waveforms[3:])
    assert not silent.any()


def test_one_error_names_all_broken_files(tmp_path, noisy_tone):
    paths = [break_file(tmp_path, kind, noisy_tone) for kind in BROKEN]
    good = tmp_path / "good.wav"
    soundfile.write(good, noisy_tone, 8000)
    X = [good, *paths, good]
    with pytest.raises(BrokenClipsError) as caught:
        LogMelSpectrogram(**SMALL, duration=3.0, n_jobs=2).transform(X)
    error = pickle.loads(pickle.dumps(caught.value))
    assert list(error.broken) == list(range(1, len(paths) + 1))
    assert [found.path for found in error.broken.values()] == [str(path) for path in paths]
    assert all(repr(str(path)) in str(caught.value) for path in paths)
    assert str(error) == str(caught.value) and str(error).endswith("sets them aside instead.")


def test_nothing_is_set_aside_where_all_are_broken(tmp_path):
    model = LogMelSpectrogram(**SMALL, on_error="warn")
    for transformer in (model, FeatureCache(model, tmp_path / "store")):
        with pytest.raises(BrokenClipsError, match="1 of the clips could not be read") as caught:
            transformer.fit([tmp_path / "missing.wav"]).transform([tmp_path / "missing.wav"])
        assert str(caught.value).endswith("check the name and the folder.")


def test_broken_files_are_set_aside(tmp_path, noisy_tone):
    good = tmp_path / "good.wav"
    soundfile.write(good, noisy_tone, 8000)
    X = [good, *(break_file(tmp_path, kind, noisy_tone) for kind in BROKEN), good]
    model = LogMelSpectrogram(**SMALL, duration=3.0, on_error="warn")
    with pytest.warns(UserWarning, match=f"{len(BROKEN)} clips could not be read"):
        got = model.fit_transform(X)
    before = vars(model).copy()
    readable, broken = model.transform_readable(X)
    assert list(broken) == list(range(1, len(BROKEN) + 1))
    assert not got[list(broken)].any() and got[0].any()
    np.testing.assert_array_equal(readable, got[[0, -1]])
    np.testing.assert_array_equal(got[0], got[-1])
    assert vars(model) == before and not [name for name in before if name.endswith("_")]
    assert model.transform_readable(X[1:-1])[0] is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.transform([good])


def test_broken_waveforms_are_set_aside(waveforms):
    broken = waveforms[:3].copy()
    broken[1, 5] = np.nan
    model = LogMelSpectrogram(on_error="warn")
    for X in (broken, [*broken[:2], broken[2]]):
        with pytest.warns(UserWarning, match="1 clips"):
            got = model.transform(X)
        assert list(model.transform_readable(X)[1]) == [1] and not got[1].any()
    with pytest.raises(ValueError, match="NaN"):
        LogMelSpectrogram().transform(broken)
    with pytest.raises(BrokenClipsError, match="NaN"):
        LogMelSpectrogram().transform(list(broken))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"win_length": 4096}, "longer than n_fft"),
        ({"fmin": 500, "fmax": 400}, "not above fmin"),
        ({"delta_width": 8}, "even"),
        ({"n_mfcc": 61}, "more than n_mels"),
        ({"fill": "zeros"}, "fill"),
        ({"deltas": 3}, "deltas"),
    ],
)
def test_wrong_parameters(waveforms, parameters, message):
    with pytest.raises(ValueError, match=message):
        MFCC(**parameters).fit(waveforms)


def test_wrong_X():
    with pytest.raises(TypeError, match="one path"):
        LogMelSpectrogram().transform("x.wav")
    with pytest.raises(ValueError, match="no clips"):
        LogMelSpectrogram().transform([])
    with pytest.raises(ValueError, match="9 frames"):
        LogMelSpectrogram(deltas=1).transform(np.ones((1, 500)))


def test_grid_search_over_paths(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(2000) / 8000
    y = np.arange(12) % 2
    paths = []
    for i, kind in enumerate(y):
        tone = np.sin(2 * np.pi * (400, 900)[kind] * t) + 0.1 * rng.normal(size=t.size)
        paths.append(str(tmp_path / f"{i}.wav"))
        soundfile.write(paths[-1], 0.3 * tone, 8000)
    pipeline = make_pipeline(LogMelSpectrogram(**SMALL, flatten=True), LogisticRegression())
    search = GridSearchCV(pipeline, {"logmelspectrogram__deltas": [0, 1]}, cv=2)
    assert search.fit(paths, y).score(np.array(paths), y) == 1
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict([Path(p) for p in paths]), y)
