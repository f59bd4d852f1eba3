"""One mean and scale for a data set, whatever the blocks that it is read in."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal.audio import FeatureScaler


@parametrize_with_checks([FeatureScaler(), FeatureScaler("band"), FeatureScaler(block=3)])
def test_scikit_learn(estimator, check):
    check(estimator)


AXES = {
    ("all", 4): (0, 1, 2, 3),
    ("channel", 4): (0, 1, 2),
    ("band", 4): (0, 2),
    ("channel", 3): (0, 1, 2),
    ("band", 3): (0, 2),
    ("channel", 5): (0, 1, 2, 3),
    ("band", 5): (0, 1, 3),
    ("channel", 2): (0, 1),
    ("band", 2): (0,),
}


@pytest.mark.parametrize(("per", "ndim"), AXES)
@pytest.mark.parametrize("block", [1, 7, 1024])
def test_mean_and_scale(tmp_path, per, ndim, block):
    shape = {2: (50, 6), 3: (50, 6, 5), 4: (50, 6, 5, 2), 5: (50, 3, 6, 5, 2)}[ndim]
    rng = np.random.default_rng(0)
    X = (1000 + rng.gamma(2, size=shape) * (1 + np.arange(shape[-1]))).astype(np.float32)
    axes = AXES[per, ndim]
    expected = (X - X.mean(axes, keepdims=True, dtype=float)) / X.std(
        axes, keepdims=True, dtype=float
    )
    np.save(tmp_path / "X.npy", X)
    stored = np.load(tmp_path / "X.npy", mmap_mode="r")
    for source in (X, stored):
        got = FeatureScaler(per, block=block).fit(source).transform(source)
        assert got.dtype == np.float32 and got.shape == shape
        np.testing.assert_allclose(got, expected, atol=1e-3)


def test_constant_bands_become_zeros():
    X = np.random.default_rng(0).normal(size=(20, 4, 6, 1))
    X[:, 1] = 3.7
    got = FeatureScaler("band").fit_transform(X)
    np.testing.assert_allclose(got[:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(got[:, [0, 2, 3]].std(axis=(0, 2)), 1)


def test_other_shapes():
    scaler = FeatureScaler("band").fit(np.random.default_rng(0).normal(size=(5, 4, 6, 1)))
    with pytest.raises(ValueError, match="dimensions"):
        scaler.transform(np.ones((5, 4)))
