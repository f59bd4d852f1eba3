"""Synthetic sounds: reproducible, balanced, within full scale, learnable but not trivial."""

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skal.datasets import load_audio_folder, make_sounds
from skal.datasets.synthetic import SOUND_KINDS, write_sounds


def test_same_seed_same_sounds():
    one, two, other = (make_sounds(30, 5, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.data, two.data)
    np.testing.assert_array_equal(one.target, two.target)
    assert (one.data != other.data).any()


def test_fields():
    sounds = make_sounds(50, 10, sr=16000, duration=0.5, n_groups=3, random_state=0)
    assert sounds.data.shape == (50, 8000) and sounds.data.dtype == np.float32
    assert np.bincount(sounds.target).tolist() == [5] * 10
    assert tuple(sounds.target_names) == SOUND_KINDS
    assert set(sounds.groups) == {0, 1, 2} and sounds.sr == 16000
    assert np.isfinite(sounds.data).all() and np.abs(sounds.data).max() <= 1
    assert (sounds.onset >= 0).all() and (sounds.offset <= 0.5).all()
    assert sounds.onset.std() > 0.02


def test_the_event_is_louder_than_the_background():
    sounds = make_sounds(40, 4, snr_db=20, random_state=0)
    for y, first, last in zip(sounds.data, sounds.onset, sounds.offset, strict=True):
        inside = np.zeros(len(y), dtype=bool)
        inside[int(first * sounds.sr) : int(last * sounds.sr)] = True
        assert y[inside].std() > 2 * y[~inside].std()


def test_weights():
    sounds = make_sounds(100, 2, weights=[9, 1], random_state=0)
    assert np.bincount(sounds.target).tolist() == [90, 10]
    with pytest.raises(ValueError, match="2 positive"):
        make_sounds(10, 2, weights=[1, 0])
    with pytest.raises(ValueError, match="n_classes"):
        make_sounds(10, 11)


def test_level_alone_does_not_tell_the_class():
    sounds = make_sounds(400, 4, random_state=0)
    level = np.log(sounds.data.std(axis=1, keepdims=True))
    assert cross_val_score(LogisticRegression(), level, sounds.target).mean() < 0.5


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg"])
def test_files(tmp_path, extension):
    sounds = write_sounds(make_sounds(12, 3, random_state=0), tmp_path, extension=extension)
    loaded = load_audio_folder(tmp_path)
    assert sorted(loaded.target_names) == sorted(sounds.target_names)
    classes = {p: sounds.target_names[k] for p, k in zip(sounds.paths, sounds.target, strict=True)}
    assert {
        p: loaded.target_names[k] for p, k in zip(loaded.paths, loaded.target, strict=True)
    } == classes
    if extension != "ogg":
        y, sr = soundfile.read(sounds.paths[0])
        assert sr == 8000
        np.testing.assert_allclose(y, sounds.data[0], atol=1e-4)
