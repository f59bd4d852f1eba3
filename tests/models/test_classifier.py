"""Both engines: what scikit-learn asks of them, and what SciKeras does not give."""

import functools
import io
import pickle
import random

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.utils.estimator_checks import estimator_checks_generator

from skal.models import (
    CNNClassifier,
    CompactCNN,
    DenseNet,
    SpectrogramAugmentation,
)

ENGINES = ["keras", "tensorflow"]

SMALL = CompactCNN(filters=(8, 16), stem_kernel_size=3, n_embedding=16, dropout=0.1, n_members=1)


def bands_sounds(n_samples=60, n_classes=3, random_state=0):
    """Make spectrograms whose class is the band that is loud."""
    rng = np.random.RandomState(random_state)
    y = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, 12, 10)).astype(np.float32)
    for i, label in enumerate(y):
        X[i, 4 * label : 4 * label + 3] += 3
    return X, y


@pytest.fixture(scope="module", params=ENGINES)
def classifier_class(request):
    """Give the classifier with each engine: all tests are for both."""
    return functools.partial(CNNClassifier, engine=request.param)


@pytest.fixture(scope="module")
def fitted(classifier_class):
    """Give a fitted classifier that tests only read, and its data."""
    X, y = bands_sounds()
    return classifier_class(clone(SMALL), steps=80, random_state=0).fit(X, y), X, y


@pytest.fixture(scope="module")
def reused(classifier_class):
    """Give one classifier that tests fit again, with its data."""
    X, y = bands_sounds()
    return classifier_class(clone(SMALL), steps=20, random_state=0).fit(X, y), X, y


QUICK_CHECKS = {
    "check_classifiers_one_label",
    "check_dont_overwrite_attributes",
    "check_estimator_tags_renamed",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_fit2d_1sample",
    "check_n_features_in_after_fitting",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_valid_tag_types",
}


def scikit_learn_checks():
    """Give scikit-learn's checks; those that need a network trained over and over are slow."""
    for engine in ENGINES:
        network = DenseNet(units=(16,))
        estimator = CNNClassifier(network, engine=engine, steps=40, learning_rate=0.02)
        for made, check in estimator_checks_generator(estimator):
            function = check
            while isinstance(function, functools.partial):
                function = function.func
            name = function.__name__
            marks = () if name in QUICK_CHECKS else pytest.mark.slow
            yield pytest.param(made, check, id=f"{engine}-{name}", marks=marks)


@pytest.mark.parametrize(("estimator", "check"), list(scikit_learn_checks()))
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_learns_and_gives_distributions(fitted):
    classifier, _, _ = fitted
    X_new, y_new = bands_sounds(random_state=1)
    assert classifier.score(X_new, y_new) > 0.9
    P = classifier.predict_proba(X_new)
    assert P.shape == (60, 3)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)


def test_refit_is_the_same_fit_and_traces_nothing(reused):
    classifier, X, y = reused
    classifier.set_params(steps=20, random_state=0).fit(X, y)
    first, engine = classifier.predict_proba(X), classifier._engine
    for n_samples in (17, 33, 59):
        classifier.fit(X[:n_samples], y[:n_samples])
        classifier.predict_proba(X[: n_samples - 3])
    classifier.fit(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), first)
    assert classifier._engine is engine
    assert engine.training.n_traces == engine.forward.n_traces == 1


def test_refit_equals_a_fresh_instance(reused):
    classifier, X, y = reused
    classifier.set_params(steps=20, random_state=3).fit(X, y)
    fresh = clone(classifier).fit(X, y)
    np.testing.assert_allclose(
        fresh.predict_proba(X), classifier.predict_proba(X), rtol=1e-4, atol=1e-6
    )


def test_weights_drawn_again_have_the_spread_of_the_initializers(reused):
    classifier, X, y = reused
    classifier.set_params(steps=0)
    drawn = []
    for seed in range(30):
        classifier.set_params(random_state=seed).fit(X, y)
        drawn.append([w.copy() for w in classifier._engine.model.get_layer("conv2").get_weights()])
    kernels = np.concatenate([w[0].ravel() for w in drawn])
    assert abs(kernels.std() / np.sqrt(2 / (9 * 8)) - 1) < 0.05
    assert abs(kernels.mean()) < 0.01
    assert len({w[0].tobytes() for w in drawn}) == 30
    norm = classifier._engine.model.get_layer("norm2").get_weights()
    for value, wanted in zip(norm, (1, 0, 0, 1), strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_random_state_instance_is_consumed_and_seeds_differ(reused):
    classifier, X, y = reused
    classifier.set_params(steps=5, random_state=np.random.RandomState(0))
    first = classifier.fit(X, y).predict_proba(X)
    assert np.abs(classifier.fit(X, y).predict_proba(X) - first).max() > 1e-3
    classifier.set_params(random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(classifier.fit(X, y).predict_proba(X), first)


def test_no_global_random_state_is_touched(reused):
    classifier, X, y = reused
    classifier.set_params(steps=2, random_state=0)
    clone(classifier).fit(X, y)
    python, kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    clone(classifier).fit(X, y).sample_proba(X, 2, random_state=0)
    assert random.getstate() == python
    np.testing.assert_array_equal(np.random.get_state()[1], kept[1])  # noqa: NPY002


def test_nothing_of_the_caller_is_written_into(reused):
    classifier, X, y = reused
    classifier.set_params(steps=3, class_weight={0: 2.0})
    given = X.astype(np.float64), y.copy(), np.linspace(1, 2, len(y))
    kept = [a.copy() for a in given]
    classifier.fit(given[0], given[1], sample_weight=given[2])
    classifier.augment(given[0], random_state=0)
    classifier.gradient_length(given[0])
    classifier.set_params(class_weight=None)
    for array, copy in zip(given, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_nothing_is_printed(reused, capfd):
    classifier, X, y = reused
    classifier.set_params(steps=2, verbose=0).fit(X, y)
    classifier.predict(X)
    out = capfd.readouterr()
    assert out.out == out.err == ""
    classifier.set_params(verbose=1).fit(X, y)
    classifier.set_params(verbose=0)
    assert "2/2" in capfd.readouterr().out


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: np.array(["rain", "dog", "wind"])[y],
        lambda y: np.array(["rain", "dog", "wind"], dtype=object)[y],
        lambda y: y * 7 - 3,
    ],
)
def test_labels_of_any_kind(reused, convert):
    classifier, X, y = reused
    y = convert(y)
    classifier.set_params(steps=80, random_state=0).fit(X, y)
    np.testing.assert_array_equal(classifier.classes_, np.unique(y))
    assert classifier.score(X, y) > 0.9


def test_boolean_labels(classifier_class):
    X, y = bands_sounds(n_classes=2)
    classifier = classifier_class(clone(SMALL), steps=80, random_state=0).fit(X, y == 1)
    assert classifier.predict(X).dtype == bool
    assert classifier.score(X, y == 1) > 0.9


def test_classes_that_the_labels_miss_have_columns(classifier_class, reused):
    _, X, y = reused
    names = np.array(["b", "d", "c"])[y]
    classifier = classifier_class(
        clone(SMALL), steps=80, classes=["d", "a", "c", "b"], random_state=0
    )
    classifier.fit(X[names != "c"], names[names != "c"])
    assert classifier.classes_.tolist() == ["a", "b", "c", "d"]
    P = classifier.predict_proba(X)
    assert P.shape == (60, 4)
    assert P[:, [0, 2]].mean() < P[:, [1, 3]].mean()
    engine = classifier._engine
    classifier.fit(X, names)
    assert classifier._engine is engine
    with pytest.raises(ValueError, match=r"not among classes: \['dd'\]; did you mean 'd'"):
        classifier.fit(X, np.where(names == "d", "dd", names))


def test_one_class_only_is_predicted(classifier_class):
    X, _ = bands_sounds()
    classifier = classifier_class(clone(SMALL)).fit(X, np.full(len(X), "rain"))
    assert classifier.n_steps_ == 0
    assert set(classifier.predict(X)) == {"rain"}
    np.testing.assert_array_equal(classifier.predict_proba(X), np.ones((60, 1)))
    assert classifier.embed(X).shape == (60, 16)


def test_pickle_and_clone(fitted):
    classifier, X, _ = fitted
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    unfitted = clone(classifier)
    assert not hasattr(unfitted, "classes_")
    assert unfitted.get_params()["network__filters"] == (8, 16)


def test_weights_can_be_kept_and_given_back(reused):
    classifier, X, y = reused
    classifier.set_params(steps=5, random_state=0).fit(X, y)
    weights, P = classifier.get_weights(), classifier.predict_proba(X)
    classifier.set_params(random_state=1).fit(X, y)
    assert np.abs(classifier.predict_proba(X) - P).max() > 1e-3
    classifier.set_weights(weights)
    np.testing.assert_array_equal(classifier.predict_proba(X), P)


@pytest.mark.slow
def test_loky_workers_and_grid_search(fitted, fresh_workers):
    classifier, X, y = fitted
    # A function of a library: workers need not find the tests to unpickle it.
    task = delayed(cross_val_predict)(clone(classifier), X, y, cv=2, method="predict_proba")
    tasks = [task, task]
    first, second = Parallel(n_jobs=2)(tasks)
    np.testing.assert_array_equal(first, second)
    search = GridSearchCV(
        classifier, {"network__dropout": [0.0, 0.5], "steps": [2, 80]}, cv=2, n_jobs=2
    ).fit(X, y)
    assert search.best_params_["steps"] == 80


def test_channels_and_sample_shapes(classifier_class, fitted):
    classifier, X, y = fitted
    with pytest.raises(ValueError, match=r"samples of shape \(12, 9\)"):
        classifier.predict(X[:, :, :9])
    two = np.stack([X, X], axis=-1)
    other = classifier_class(clone(SMALL), steps=5, random_state=0).fit(two, y)
    assert other.predict_proba(two).shape == (60, 3)
    with pytest.raises(ValueError, match=r"takes spectrograms of shape \(bands, frames\)"):
        classifier_class(clone(SMALL)).fit(X.reshape(60, -1), y)


def test_bad_values_are_named(reused):
    classifier, X, y = reused
    bad = X.copy()
    bad[3, 2, 1] = np.nan
    for method in (classifier.predict, lambda X: classifier.fit(X, y)):
        with pytest.raises(ValueError, match="NaN"):
            method(bad)
    with pytest.raises(ValueError, match="at least one non-zero"):
        classifier.fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match="'steps' parameter"):
        clone(classifier).set_params(steps="many").fit(X, y)
    with pytest.raises(ValueError, match="'dropout' parameter of CompactCNN"):
        clone(classifier).set_params(network__dropout=2).fit(X, y)


def test_memory_mapped_samples(fitted, tmp_path):
    classifier, X, _ = fitted
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(classifier.predict_proba(mapped), classifier.predict_proba(X))


def test_probabilities_and_embeddings_in_one_pass(fitted):
    classifier, X, _ = fitted
    many = np.concatenate([X] * 5)[:277]
    P, Z = classifier.predict_proba_embed(many)
    np.testing.assert_array_equal(P, classifier.predict_proba(many))
    np.testing.assert_array_equal(Z, classifier.embed(many))
    assert Z.shape == (277, 16)
    np.testing.assert_allclose(P[:60], P[60:120], rtol=1e-5)
    kernel, bias = classifier._engine.model.get_layer("logits").get_weights()
    scores = np.exp(Z @ kernel + bias)
    np.testing.assert_allclose(P, scores / scores.sum(axis=1, keepdims=True), rtol=1e-4)


def test_samples_differ_and_spread_around_the_prediction(fitted):
    classifier, X, _ = fitted
    sampled = classifier.sample_proba(X, 200, random_state=0)
    assert sampled.shape == (200, 60, 3)
    np.testing.assert_array_equal(sampled[:5], classifier.sample_proba(X, 5, random_state=0))
    assert sampled.std(axis=0).max() > 0.02
    assert np.abs(sampled.mean(axis=0) - classifier.predict_proba(X)).mean() < 0.15
    np.testing.assert_allclose(sampled.sum(axis=2), 1, atol=1e-5)


def test_samples_need_dropout(classifier_class, fitted):
    _, X, y = fitted
    classifier = classifier_class(DenseNet(units=(4,)), steps=1).fit(X[:, 0], y)
    with pytest.raises(ValueError, match="network__dropout"):
        classifier.sample_proba(X[:, 0], 3)


def test_augmented_copies_change_and_repeat(fitted):
    classifier, X, _ = fitted
    copies = classifier.augment(X, random_state=0)
    assert copies.shape == X.shape and copies.dtype == X.dtype
    assert np.abs(copies - X).max(axis=(1, 2)).min() > 0.01
    np.testing.assert_array_equal(copies, classifier.augment(X, random_state=0))
    assert np.abs(classifier.augment(X[:7], random_state=1) - copies[:7]).max() > 0.01
    assert classifier._engine.distortion.n_traces == 1
    assert not hasattr(clone(classifier).set_params(augmentation=None), "augment")


def test_augmentation_is_for_training_only(classifier_class, fitted):
    classifier, X, _ = fitted
    np.testing.assert_array_equal(classifier.predict_proba(X), classifier.predict_proba(X))
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(40, 12, 10)), np.arange(40) % 2
    losses = [
        classifier_class(
            clone(SMALL).set_params(dropout=0.0),
            augmentation=augmentation,
            steps=150,
            batch_size=40,
            random_state=0,
        )
        .fit(X, y)
        .loss_curve_[-10:]
        .mean()
        for augmentation in (None, SpectrogramAugmentation(noise=1.0))
    ]
    assert losses[0] < losses[1] - 0.03


def test_class_weights_and_sample_weights(classifier_class):
    rng = np.random.RandomState(0)
    X, others, y = rng.normal(size=(90, 3)), rng.normal(size=(90, 3)), np.arange(90) % 3
    classifier = classifier_class(
        DenseNet(units=(8,)), steps=60, learning_rate=0.02, random_state=0
    )
    assert (classifier.fit(X, y).predict(others) == 0).mean() < 0.6
    classifier.set_params(class_weight={0: 50.0})
    assert (classifier.fit(X, y).predict(others) == 0).mean() > 0.7
    classifier.set_params(class_weight=None)
    classifier.fit(X, y, sample_weight=np.where(y == 1, 50.0, 1.0))
    assert (classifier.predict(others) == 1).mean() > 0.7


def test_warm_start_goes_on(reused):
    classifier, X, y = reused
    classifier.set_params(steps=30, random_state=0).fit(X, y)
    P, loss = classifier.predict_proba(X), classifier.loss_curve_
    classifier.set_params(warm_start=True, steps=0).fit(X[:30], y[:30])
    np.testing.assert_array_equal(classifier.predict_proba(X), P)
    classifier.set_params(steps=30).fit(X, y)
    assert classifier.loss_curve_[:5].mean() < loss[:5].mean()
    classifier.set_params(warm_start=False)


def test_another_optimizer_goes_on_from_the_same_weights(classifier_class):
    X, y = bands_sounds()
    fitted = classifier_class(clone(SMALL), steps=5, warm_start=True, random_state=0).fit(X, y)
    weights = fitted.get_weights()
    changes = [{"optimizer": "sgd"}, {"weight_decay": 0.0}, {"augmentation": None}]
    for change in [{"steps": 0}, *changes]:
        fitted.set_params(**change).fit(X, y)
        for before, after in zip(weights, fitted.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
    fitted.set_params(augmentation=SpectrogramAugmentation(time_shift=2.0))
    with pytest.raises(ValueError, match="time_shift"):
        fitted.fit(X[:30], y[:30])
    fitted.set_params(augmentation=None, network=CompactCNN(filters=(4,), n_members=1)).fit(X, y)
    assert not any(np.array_equal(w, weights[-1]) for w in fitted.get_weights())


def test_a_fit_after_one_that_failed_starts_afresh(classifier_class):
    X, y = bands_sounds()
    bad = SpectrogramAugmentation(time_shift=2.0)
    classifier = classifier_class(clone(SMALL), steps=2, warm_start=True, augmentation=bad)
    with pytest.raises(ValueError, match="time_shift"):
        classifier.fit(X, y)
    assert classifier.set_params(augmentation=None).fit(X, y).n_steps_ == 2


def test_a_warm_fit_takes_its_share_of_the_steps(reused):
    classifier, X, y = reused
    classifier.set_params(steps=21, warm_steps=0.3, warm_start=False).fit(X, y)
    assert classifier.n_steps_ == 21
    assert classifier.set_params(warm_start=True).fit(X, y).n_steps_ == 7
    classifier.set_params(warm_steps=0.5, warm_start=False)


def trainable(classifier):
    """Copy the trainable weights of a classifier."""
    return [w.numpy().copy() for w in classifier._engine.model.trainable_variables]


def test_shrink_perturb_mixes_old_and_fresh_weights(reused):
    classifier, X, y = reused
    fresh = trainable(classifier.set_params(steps=0, random_state=5).fit(X, y))
    old = trainable(classifier.set_params(steps=20).fit(X, y))
    statistics = [w.numpy() for w in classifier._engine.model.non_trainable_variables]
    kept = classifier.get_weights()
    classifier.shrink_perturb(0.4, 0.0)
    for now, before in zip(trainable(classifier), old, strict=True):
        np.testing.assert_allclose(now, 0.4 * before, rtol=1e-6)
    for now, before in zip(
        classifier._engine.model.non_trainable_variables, statistics, strict=True
    ):
        if "seed" not in now.path:
            np.testing.assert_array_equal(now.numpy(), before)
    classifier.shrink_perturb(0.0, 0.5)
    noise = trainable(classifier)
    kernel = [w.shape for w in noise].index((3, 3, 8, 16))
    assert abs(noise[kernel].std() / (0.5 * np.sqrt(2 / (9 * 8))) - 1) < 0.1
    # The noise is not what the training began with, which the old weights still resemble.
    assert abs(np.corrcoef(noise[kernel].ravel(), fresh[kernel].ravel())[0, 1]) < 0.15
    classifier.set_weights(kept)
    classifier.shrink_perturb(0.4, 0.2).shrink_perturb(1.0, 0.0)
    once = trainable(classifier)
    classifier.set_weights(kept)
    classifier.shrink_perturb(0.4, 0.2)
    for now, before in zip(trainable(classifier), once, strict=True):
        np.testing.assert_array_equal(now, before)
    with pytest.raises(NotFittedError):
        clone(classifier).shrink_perturb(0.5, 0.1)


def test_epochs_and_automatic_steps(reused):
    classifier, X, y = reused
    classifier.set_params(epochs=3, batch_size=16).fit(X, y)
    assert classifier.n_steps_ == 3 * 4 == len(classifier.loss_curve_)
    classifier.set_params(epochs=None, batch_size="auto")


@pytest.mark.slow
def test_plain_scikeras_trains_a_network_object():
    from scikeras.wrappers import KerasClassifier

    X, y = bands_sounds()
    classifier = KerasClassifier(
        model=clone(SMALL), optimizer="adam", epochs=30, verbose=0, model__n_embedding=5
    )
    classifier = clone(classifier).set_params(model__dropout=0.1).fit(X, y)
    assert classifier.model_.get_layer("dropout").rate == 0.1
    assert classifier.model_.get_layer("embedding").output.shape == (None, 5)
    assert (classifier.predict(X) == y).mean() > 0.6


@pytest.mark.slow
def test_memory_stays_flat_over_refits(reused):
    import resource

    classifier, X, y = reused
    classifier.set_params(steps=2, random_state=0)
    used = []
    for i in range(110):
        classifier.fit(X[: 20 + i % 40], y[: 20 + i % 40]).predict_proba_embed(X)
        used.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert used[-1] < 1.02 * used[9]


def test_pickles_hold_no_compiled_network(fitted):
    classifier, _, _ = fitted
    buffer = io.BytesIO()
    pickle.dump(classifier, buffer)
    assert buffer.tell() < 5 * sum(w.nbytes for w in classifier.get_weights()) + 20_000
