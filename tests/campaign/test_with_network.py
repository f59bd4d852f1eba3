"""The main job: a campaign around a CNN, on spectrograms and on real recordings."""

import gc
import os
import pickle

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearningClassifier
from skal.audio import LogMelSpectrogram
from skal.campaign import PseudoLabels, Replay, StabilizedPredictions, TargetScore
from skal.datasets import load_fsdd, make_sounds
from skal.datasets.synthetic import write_sounds
from skal.models import CNNClassifier, CompactCNN, DenseNet
from skal.strategies import EntropySampling, MarginSampling, RandomSampling
from tests.campaign.data import blobs, permute_hidden
from tests.campaign.test_scikit_learn import EXPECTED_FAILURES


def network(**params):
    """Return a CNN that trains in a second."""
    defaults = {
        "network": CompactCNN(filters=(4, 8), n_embedding=8, n_members=2),
        "steps": 12,
        "batch_size": 8,
    }
    return CNNClassifier(**{**defaults, **params})


def campaign(**params):
    defaults = {"n_initial": 16, "n_instances": 8, "budget": 32, "random_state": 0}
    return ActiveLearningClassifier(network(), **{**defaults, **params})


@pytest.fixture(scope="module")
def spectrograms():
    sounds = make_sounds(72, 3, duration=0.4, random_state=0)
    return LogMelSpectrogram(sr=8000, n_fft=256, hop_length=200, n_mels=16).transform(
        sounds.data
    ), sounds.target_names[sounds.target]


def test_rounds_reuse_one_network(spectrograms):
    X, y = spectrograms
    fitted = campaign(store_rounds=True).fit(X, y, eval_set=(X, y))
    assert fitted._rounds.model is fitted.estimator_
    assert fitted.estimator_._engine.training.n_traces == 1
    stages = list(fitted.staged_predict_proba(X))
    assert len(stages) == len(fitted.history_) == 3
    np.testing.assert_array_equal(stages[-1], fitted.predict_proba(X))
    scores = [np.mean(stage == y) for stage in fitted.staged_predict(X)]
    assert scores == [record["eval_accuracy"] for record in fitted.history_]


def test_hidden_labels_influence_nothing_and_seeds_decide(spectrograms):
    X, y = spectrograms
    first = campaign().fit(X, y)
    second = campaign().fit(X, permute_hidden(y, first.labeled_indices_, 1))
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    other = campaign(random_state=1).fit(X, y)
    assert not np.array_equal(first.labeled_indices_, other.labeled_indices_)


def test_hidden_labels_influence_nothing_with_everything_on(spectrograms, tmp_path):
    X, y = spectrograms
    params = {
        "replay": Replay("uncertain", threshold=10),
        "pseudo_labels": PseudoLabels(threshold=0.9, weight=0.5),
        "stopping": [StabilizedPredictions(0.999, n_rounds=9), TargetScore(0.999)],
        "update": "shrink_perturb",
    }

    def play(labels, name):
        learner = ActiveLearningClassifier(
            network(validation_fraction=0.25, label_smoothing=0.0, steps=40),
            n_initial=16,
            n_instances=8,
            budget=40,
            checkpoint=tmp_path / name,
            random_state=0,
            **params,
        )
        return learner.fit(X, labels)

    first = play(y, "first")
    second = play(permute_hidden(y, first.labeled_indices_, 1), "second")
    assert sum(record["n_pseudo_labeled"] for record in first.history_) > 0
    assert first.estimator_.validation_score_ is not None
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_pseudo_labels_validate_nothing(spectrograms, monkeypatch):
    X, y = spectrograms
    seen = []

    def look(codes, fraction, random_state, allowed=None, groups=None):
        seen.append((len(codes), None if allowed is None else int(allowed.sum())))
        return np.arange(len(codes)), np.arange(0)

    monkeypatch.setattr("skal.models.cnn.hold_out", look)
    fitted = ActiveLearningClassifier(
        network(validation_fraction=0.5, label_smoothing=0.0, steps=40),
        n_initial=16,
        n_instances=8,
        budget=32,
        pseudo_labels=PseudoLabels(threshold=1.0),
        random_state=0,
    ).fit(X, y)
    guessed = [record["n_pseudo_labeled"] for record in fitted.history_]
    labeled = [record["n_labeled"] for record in fitted.history_]
    assert guessed[-1] > 0
    assert seen == [
        (n + more, n if more else None) for n, more in zip(labeled, guessed, strict=True)
    ]


def test_normalization_is_that_of_the_whole_pool(spectrograms):
    X, y = spectrograms
    fitted = campaign().fit(X, y)
    np.testing.assert_allclose(fitted.estimator_._mean, [X.mean(dtype=float)], rtol=1e-5)
    np.testing.assert_allclose(fitted.estimator_._variance, [X.var(dtype=float)], rtol=1e-5)


@pytest.mark.parametrize("learned", [False, True], ids=["fixed", "learned"])
def test_normalization_behind_the_steps_of_a_pipeline(learned):
    """Steps that a round fits on its labels change what the network gets: nothing to learn."""
    X = np.random.RandomState(0).normal(2, 3, size=(3000, 6)).astype(np.float32)
    y = np.arange(3000) % 2
    step = StandardScaler() if learned else FunctionTransformer(np.negative)
    estimator = make_pipeline(step, CNNClassifier(DenseNet(units=(4,)), steps=2))
    fitted = ActiveLearningClassifier(estimator, n_initial=20, budget=20, random_state=0)
    mean = fitted.fit(X, y).estimator_[-1]._mean
    expected = np.zeros(6) if learned else -X.mean(axis=0)
    assert (np.abs(mean - expected) < (1e-5 if learned else 0.3)).all()
    assert not np.allclose(mean, -X[fitted.labeled_indices_].mean(axis=0))


def test_classes_that_the_first_labels_miss(spectrograms):
    X, y = spectrograms
    names = np.unique(y)
    partial = np.where(y == names[0], y, "?").astype(object)
    fitted = campaign(classes=names, unlabeled="?").fit(X, partial)
    assert fitted.predict_proba(X).shape == (72, 3)
    indices = fitted.query()
    fitted.teach(indices=indices, y=y[indices])
    assert fitted.estimator_._engine.training.n_traces == 1


@pytest.mark.parametrize("dump", [pickle.dumps, None], ids=["pickle", "joblib"])
def test_predicts_and_chooses_after_a_round_trip(spectrograms, tmp_path, dump):
    X, y = spectrograms
    fitted = campaign().fit(X, np.where(np.arange(72) < 24, y, None))
    if dump is None:
        joblib.dump(fitted, tmp_path / "campaign")
        loaded = joblib.load(tmp_path / "campaign")
    else:
        loaded = pickle.loads(dump(fitted))
    np.testing.assert_array_equal(fitted.predict_proba(X), loaded.predict_proba(X))
    np.testing.assert_array_equal(fitted.query(X), loaded.query(X))
    with pytest.raises(ValueError, match="is not in its pickle"):
        loaded.query()  # the pool stays behind
    assert clone(fitted).get_params(deep=False).keys() == fitted.get_params(deep=False).keys()


def test_from_files_to_labels(tmp_path):
    """File paths in, query and teach on the last step of a Pipeline, predictions out."""
    bunch = write_sounds(make_sounds(40, 2, duration=0.4, random_state=0), tmp_path)
    pipeline = make_pipeline(
        LogMelSpectrogram(sr=8000, n_fft=256, hop_length=200, n_mels=16, duration=0.4),
        campaign(),
    )
    known = np.where(np.arange(40) % 2, bunch.target, -1)
    pipeline.fit(bunch.paths, known)
    indices = pipeline[-1].query()
    assert (known[indices] == -1).all()
    pipeline[-1].teach(indices=indices, y=bunch.target[indices])
    assert len(pipeline[-1].labeled_indices_) == 28
    assert pipeline.predict(bunch.paths).shape == (40,)


@pytest.mark.slow
@parametrize_with_checks(
    [
        ActiveLearningClassifier(
            CNNClassifier(DenseNet(units=(16,)), steps=60, learning_rate=1e-2),
            unlabeled=None,
            random_state=0,
        )
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_grid_search_over_recordings(fsdd_home, fresh_workers):
    data = load_fsdd(fsdd_home)
    some = np.arange(0, 3000, 20)
    pipeline = make_pipeline(
        LogMelSpectrogram(sr=8000, n_fft=512, hop_length=200, duration=1.0),
        ActiveLearningClassifier(
            network(steps=30), MarginSampling(), n_initial=30, budget=60, random_state=0
        ),
    )
    grid = {
        "activelearningclassifier__strategy": [MarginSampling(), EntropySampling()],
        "activelearningclassifier__n_instances": [15, 30],
    }
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=2).fit(data.paths[some], data.target[some])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    indices = best[-1].query()
    best[-1].teach(indices=indices, y=data.target[some][indices])
    assert best.predict(data.paths[:3]).shape == (3,)


@pytest.mark.slow
def test_memory_stays_flat_over_100_rounds():
    X = np.random.RandomState(0).rand(900, 16, 16).astype(np.float32)
    y = np.arange(900) % 3
    sizes = []

    def measure(record):
        gc.collect()
        with open("/proc/self/statm") as file:
            sizes.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    fitted = campaign(n_initial=64, n_instances=1, budget=None, max_rounds=100)
    fitted.fit(X, y, on_round=measure)
    assert fitted.n_rounds_ == 100
    assert sizes[100] < 1.1 * sizes[10]


def test_weights_of_samples_reach_the_network():
    X, y = blobs(60, n_classes=2)
    dense = CNNClassifier(DenseNet(units=(8,)), steps=150, learning_rate=1e-2)
    plain = ActiveLearningClassifier(dense, RandomSampling(), n_initial=40, random_state=0)
    weighted = clone(plain).fit(X, y, sample_weight=np.where(y == 0, 20.0, 0.05))
    plain.fit(X, y)
    np.testing.assert_array_equal(plain.labeled_indices_, weighted.labeled_indices_)
    of_one = y == 1
    assert weighted.score(X[of_one], y[of_one]) < plain.score(X[of_one], y[of_one]) - 0.2


@pytest.mark.parametrize("steps", [[], [FunctionTransformer(), StandardScaler()]])
def test_a_network_validates_by_groups_where_metadata_is_routed(steps, monkeypatch):
    X, y = blobs(60, n_classes=2)
    seen = []

    def look(codes, fraction, random_state, allowed=None, groups=None):
        seen.append((groups, None if allowed is None else allowed.sum()))
        return np.arange(len(codes)), np.arange(0)

    monkeypatch.setattr("skal.models.cnn.hold_out", look)
    dense = CNNClassifier(DenseNet(units=(8,)), steps=60, learning_rate=1e-2)
    with sklearn.config_context(enable_metadata_routing=True):
        ActiveLearningClassifier(
            make_pipeline(*steps, dense),
            RandomSampling(),
            n_initial=20,
            n_instances=10,
            budget=30,
            pseudo_labels=PseudoLabels(0.6),
            random_state=0,
        ).fit(X, y, groups=np.arange(60) // 20)
    (first, _), (second, n_allowed) = seen
    assert len(first) == 20
    assert set(first) == {0, 1, 2}
    assert n_allowed == 30 < len(second)


def test_many_classes_with_few_labels_of_each_are_nothing_to_warn_of():
    X = np.random.RandomState(0).normal(size=(200, 4))
    y = np.arange(200) % 50
    dense = CNNClassifier(DenseNet(units=(4,)), steps=2)
    fitted = ActiveLearningClassifier(
        dense, n_initial=40, n_instances=10, budget=60, random_state=0, replay="uncertain"
    ).fit(X, y)
    assert fitted.predict_proba(X).shape == (200, 50)


def test_stages_of_a_network_after_a_constant_model_took_its_place():
    X, y = blobs(40, n_classes=2)
    dense = CNNClassifier(DenseNet(units=(4,)), steps=2)
    plain = ActiveLearningClassifier(
        dense, RandomSampling(), n_initial=10, n_instances=10, budget=20, random_state=0
    )
    weights = np.ones(40)
    weights[clone(plain).fit(X, y).labeled_indices_[10:]] = 0
    fitted = plain.set_params(replay="none", store_rounds=True).fit(X, y, sample_weight=weights)
    first, last = fitted.staged_predict_proba(X)
    assert len(np.unique(first[:, 0])) > 2
    np.testing.assert_array_equal(last, fitted.predict_proba(X))
    assert len(np.unique(last[:, 0])) == 1
