"""Recordings that cannot be read: set aside by a campaign, never asked for nor trained on."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import FeatureCache, LogMelSpectrogram, _inputs
from skal.campaign import StabilizedPredictions
from skal.datasets import make_sounds
from skal.datasets.synthetic import write_sounds
from skal.models import CNNClassifier, CompactCNN
from skal.strategies import CoreSet, MaxPerGroup, MinimumGap, RandomSampling

BROKEN = [3, 4, 11, 20, 39]

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be read:UserWarning")


class Watched(LogisticRegression):
    """Refuses the zeros that stand for a recording that could not be read."""

    def _refuse_zeros(self, X):
        assert np.any(X, axis=1).all()
        return X

    def fit(self, X, y):
        return super().fit(self._refuse_zeros(X), y)

    def predict_proba(self, X):
        return super().predict_proba(self._refuse_zeros(X))


@pytest.fixture
def sounds(tmp_path):
    """Give 40 recordings, five of which are text, and their labels."""
    bunch = write_sounds(make_sounds(40, 2, duration=0.3, random_state=0), tmp_path)
    for i in BROKEN:
        with open(bunch.paths[i], "w") as file:
            file.write("no sound")
    return bunch.paths, bunch.target


def features(**params):
    return LogMelSpectrogram(
        sr=8000, n_fft=256, hop_length=200, n_mels=8, on_error="warn", duration=0.3, **params
    )


def campaign(transformer, **params):
    estimator = make_pipeline(transformer, Watched(max_iter=2000))
    defaults = {"n_initial": 8, "n_instances": 8, "budget": None, "random_state": 0}
    return ActiveLearningClassifier(estimator, **{**defaults, **params})


@pytest.mark.parametrize("cached", [False, True])
def test_a_simulation_leaves_them_out(sounds, tmp_path, cached):
    paths, y = sounds
    transformer = features(flatten=True)
    if cached:
        transformer = FeatureCache(transformer, tmp_path / "store")
    fitted = campaign(transformer, stopping=StabilizedPredictions(1.0, n_rounds=99)).fit(paths, y)
    assert fitted.broken_indices_.tolist() == BROKEN
    assert sorted(fitted.labeled_indices_) == np.delete(np.arange(40), BROKEN).tolist()
    assert fitted.history_[-1]["n_trained"] == 35


def _nested(kind):
    """Put features that set recordings aside inside another transformer."""
    if kind == "union":
        other = make_pipeline(features(flatten=True), StandardScaler())
        return make_union(features(flatten=True), other, "drop")
    if kind == "pipeline":
        return make_pipeline(make_pipeline("passthrough", features(flatten=True)))
    if kind == "prepared paths":
        return make_pipeline(FunctionTransformer(_as_strings), features(flatten=True))
    columns = [("sound", features(flatten=True), "file"), ("plain", "passthrough", ["month"])]
    return ColumnTransformer(columns)


def _as_strings(paths):
    return [str(path) for path in paths]


@pytest.mark.parametrize("kind", ["union", "pipeline", "prepared paths", "columns"])
def test_transformers_inside_others_leave_them_out(sounds, kind):
    paths, y = sounds
    X = pd.DataFrame({"file": paths, "month": 6}) if kind == "columns" else list(paths)
    fitted = campaign(_nested(kind)).fit(X, y)
    assert fitted.broken_indices_.tolist() == BROKEN
    assert not np.isin(fitted.labeled_indices_, BROKEN).any()
    assert not np.isin(fitted.query(X, n_instances=40), BROKEN).any()


def test_a_script_and_an_oracle_leave_them_out(sounds):
    paths, y = sounds
    asked = []

    def oracle(indices):
        asked.extend(indices)
        return y[indices]

    campaign(features(flatten=True), classes=[0, 1]).fit(paths, oracle=oracle)
    assert sorted(asked) == np.delete(np.arange(40), BROKEN).tolist()

    known = np.where(np.arange(40) < 12, y, -1)
    fitted = campaign(features(flatten=True)).fit(paths, known)
    assert sorted(fitted.labeled_indices_) == [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert not np.isin(fitted.query(n_instances=40), BROKEN).any()
    fitted.teach(indices=[20, 21], y=y[[20, 21]])
    assert fitted.labeled_indices_[-1] == 21
    assert len(fitted.labeled_indices_) == 10
    assert not np.isin(fitted.query(paths, n_instances=40), BROKEN).any()
    fitted.teach(paths[:5], y[:5])
    assert fitted.history_[-1]["n_trained"] == 13


def test_facts_about_rows_go_with_the_readable_ones(sounds):
    paths, y = sounds
    groups = np.cumsum(~np.isin(np.arange(40), BROKEN)) // 5
    strategy = MaxPerGroup(MinimumGap(RandomSampling(), gap=1))
    fitted = campaign(features(flatten=True), strategy=strategy, budget=8)
    fitted.fit(paths, y, groups=groups, starts=np.arange(40))
    asked = fitted.query(paths, n_instances=40, groups=groups, starts=np.arange(40))
    readable = np.setdiff1d(np.arange(40), BROKEN)
    np.testing.assert_array_equal(np.sort(groups[asked]), np.unique(groups[readable]))


def test_where_all_of_a_block_is_broken(sounds, monkeypatch):
    paths, y = sounds
    monkeypatch.setattr("skal.campaign.broken._BLOCK", 2)
    transformer = features(flatten=True).set_params(duration=None)
    for i in (3, 10):  # now the second and the sixth block hold nothing that can be read
        with open(paths[i], "w") as file:
            file.write("no sound")
    with open(paths[2], "w") as file:
        file.write("no sound")
    fitted = campaign(transformer).fit(paths, y)
    assert fitted.broken_indices_.tolist() == sorted([*BROKEN, 2, 10])


def test_the_normalization_of_a_network_knows_nothing_of_them(sounds):
    paths, y = sounds
    estimator = make_pipeline(
        features(), CNNClassifier(CompactCNN(filters=(4,), n_embedding=4, n_members=1), steps=1)
    )
    fitted = ActiveLearningClassifier(estimator, n_initial=8, budget=8, random_state=0)
    fitted.fit(paths, y)
    good = features().transform(np.delete(paths, BROKEN))
    np.testing.assert_allclose(fitted.estimator_[-1]._mean, [good.mean(dtype=float)], rtol=1e-5)


def test_a_first_choice_behind_learned_steps_knows_nothing_of_them(sounds):
    paths, y = sounds
    seen = []

    class Looking(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            seen.append(len(X))
            assert np.any(X, axis=1).all()
            return super().fit(X, y, sample_weight)

    estimator = make_pipeline(features(flatten=True), Looking(), LogisticRegression(max_iter=2000))
    learner = ActiveLearningClassifier(
        estimator, initial_strategy=CoreSet(), n_initial=8, budget=8, random_state=0
    ).fit(paths, y)
    assert seen[-2:] == [35, 8]  # after a look at what a few features look like
    assert len(learner.labeled_indices_) == 8


def test_where_none_can_be_read(sounds):
    paths, _ = sounds
    fitted = campaign(features(flatten=True), classes=[0, 1], initial_strategy=CoreSet())
    fitted.fit(paths[BROKEN], np.full(5, -1))
    assert len(fitted.query()) == 0
    assert fitted.stop_reason_ == "the pool is empty"


@pytest.mark.parametrize("container", [list, lambda paths: pd.DataFrame({"path": paths})])
def test_each_recording_is_read_once_for_all_rounds(sounds, monkeypatch, container):
    paths, y = sounds
    read = []
    load = _inputs.load_clip
    monkeypatch.setattr(
        _inputs, "load_clip", lambda clip, *params: read.append(clip) or load(clip, *params)
    )
    network = CNNClassifier(CompactCNN(filters=(4,), n_embedding=4, n_members=1), steps=1)
    fitted = ActiveLearningClassifier(
        make_pipeline(features(), network), n_initial=8, n_instances=8, random_state=0
    ).fit(container(paths), y)
    fitted.predict_proba(container(np.delete(paths, BROKEN)))
    assert len(fitted.history_) == 3
    tried = paths[:16].tolist()  # by what looks at the features of a few, before any round
    assert len(read) <= len(paths) + 2 * len(tried)
    counts = Counter(read)
    assert all(counts[path] == 1 for path in paths[16:])


def test_errors_are_errors_by_default(sounds):
    paths, y = sounds
    with pytest.raises(ValueError, match="could not be read"):
        campaign(features(flatten=True).set_params(on_error="raise")).fit(paths, y)
