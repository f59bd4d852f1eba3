"""Starting from saved weights: what is copied, what is new, and what is refused."""

import os
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearningClassifier
from skal.models import CNNClassifier, CompactCNN, VGGish, initial_weights
from tests.models.test_networks import bands_sounds

SMALL = CompactCNN(
    filters=(4, 6), stem_kernel_size=3, n_embedding=8, dropout=0.0, head="flatten", n_members=1
)
SHAPE = (12, 8, 1)


@pytest.fixture(scope="module")
def donor():
    """Give a fitted classifier that tests only read, and its data."""
    X, y = bands_sounds(SHAPE, 40)
    return CNNClassifier(clone(SMALL), steps=30, random_state=0).fit(5 * X + 2, y), 5 * X + 2, y


@pytest.fixture(scope="module")
def heir():
    """Give one classifier that tests fit again, of another seed."""
    return CNNClassifier(clone(SMALL), steps=0, random_state=9)


def weights(classifier):
    layers = classifier._engine.model.layers
    return {layer.name: layer.get_weights() for layer in layers if layer.get_weights()}


def test_with_the_same_classes_the_answers_are_the_same_before_training(donor, heir):
    classifier, X, y = donor
    # Other data: the normalization must be the donor's, not that of what is trained on.
    heir.set_params(pretrained=classifier).fit(X[:7] * 3, y[:7])
    P, Z = heir.predict_proba_embed(X)
    np.testing.assert_array_equal(P, classifier.predict_proba(X))
    np.testing.assert_array_equal(Z, classifier.embed(X))
    np.testing.assert_array_equal(heir._mean, classifier._mean)


def test_with_other_classes_the_body_is_the_same_and_the_head_new(donor, heir):
    classifier, X, _ = donor
    y = np.array(["a", "b", "c"])[np.arange(len(X)) % 3]
    heir.set_params(pretrained=classifier).fit(X, y)
    ours, theirs = weights(heir), weights(classifier)
    assert ours.keys() == theirs.keys()
    for name, arrays in ours.items():
        equal = [np.array_equal(a, b) for a, b in zip(arrays, theirs[name], strict=True)]
        # A new bias is zero, which the old one no longer is.
        assert equal == [name != "logits"] * len(arrays)
    np.testing.assert_array_equal(heir.embed(X), classifier.embed(X))
    fresh = clone(heir).set_params(pretrained=None).fit(X, y)
    np.testing.assert_array_equal(ours["logits"][0], weights(fresh)["logits"][0])


def test_with_more_classes_too(donor, heir):
    classifier, X, _ = donor
    heir.set_params(pretrained=classifier).fit(X, np.arange(len(X)) % 5)
    np.testing.assert_array_equal(heir.embed(X), classifier.embed(X))
    assert heir.predict_proba(X).shape == (len(X), 5)


def test_training_goes_on_from_there(donor, heir):
    classifier, X, y = donor
    trained = clone(heir).set_params(pretrained=classifier, steps=1, learning_rate=1e-6)
    before = classifier.predict_proba(X)
    trained.fit(X, y)
    # The body's own normalizations renew their statistics; its weights hardly move.
    kernels = [weights(c)["conv1"][0] for c in (trained, classifier)]
    assert 0 < np.abs(kernels[0] - kernels[1]).max() < 1e-5
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def wrapped(classifier):
    campaign = ActiveLearningClassifier(classifier)
    campaign.estimator_ = classifier
    return {
        "classifier": classifier,
        "pipeline": make_pipeline(FunctionTransformer(), classifier),
        "campaign": campaign,
        "frozen": FrozenEstimator(classifier),
    }


@pytest.mark.parametrize("kind", ["classifier", "pipeline", "campaign", "frozen"])
def test_files_and_what_may_be_around_a_classifier(donor, heir, tmp_path, kind):
    classifier, X, y = donor
    path = tmp_path / "model.joblib"
    joblib.dump(wrapped(classifier)[kind], path)
    for source in (wrapped(classifier)[kind], str(path), path, tmp_path):
        heir.set_params(pretrained=source).fit(X, y)
        np.testing.assert_array_equal(heir.predict_proba(X), classifier.predict_proba(X))


def test_a_file_is_read_once_and_again_when_it_changes(donor, heir, tmp_path, monkeypatch):
    classifier, X, y = donor
    path = tmp_path / "model.joblib"
    joblib.dump(classifier, path)
    heir.set_params(pretrained=path).fit(X, y)
    loads = []
    read = initial_weights.read_model
    monkeypatch.setattr(
        initial_weights, "read_model", lambda name: loads.append(name) or read(name)
    )
    heir.fit(X, y)
    assert loads == []
    other = clone(classifier).set_params(steps=2).fit(X, y)
    joblib.dump(other, path)
    os.utime(path, ns=(1, 1))
    heir.fit(X, y)
    assert len(loads) == 1
    np.testing.assert_array_equal(heir.predict_proba(X), other.predict_proba(X))


def test_clones_keep_what_the_donor_has_learned(donor, heir):
    classifier, X, y = donor
    heir.set_params(pretrained=classifier)
    copy = clone(make_pipeline(FunctionTransformer(), heir))
    assert not [name for name in copy.get_params() if "pretrained__" in name]
    copy.fit(X, y)
    np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))
    again = pickle.loads(pickle.dumps(copy))
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), copy.predict_proba(X))


def test_longer_samples_get_all_but_the_layer_that_sees_their_length(donor, heir):
    classifier, _, _ = donor
    X, y = bands_sounds((12, 14, 1), 12)
    heir.set_params(pretrained=classifier).fit(X, y)
    ours, theirs = weights(heir), weights(classifier)
    assert ours["dense"][0].shape != theirs["dense"][0].shape
    for name in ours.keys() - {"dense"}:
        for a, b in zip(ours[name], theirs[name], strict=True):
            np.testing.assert_array_equal(a, b)


def test_segments_start_from_whole_samples(donor, heir):
    classifier, X, y = donor
    heir.set_params(pretrained=classifier).fit(np.repeat(X[:, None], 2, axis=1), y)
    P = heir.predict_proba(np.repeat(X[:, None], 2, axis=1))
    np.testing.assert_allclose(P, classifier.predict_proba(X), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (clone(SMALL).set_params(filters=(4, 7)), "kernel of layer conv2 has shape"),
        (
            CompactCNN(filters=(4, 6, 6), n_embedding=8, n_members=1),
            "layers conv3, norm3 only here",
        ),
        (VGGish(filters=(4, 6), n_embedding=8), "only here. Give the classifier that network"),
    ],
)
def test_another_network_is_refused(donor, network, message):
    classifier, X, y = donor
    heir = CNNClassifier(clone(network), steps=0, pretrained=classifier)
    with pytest.raises(ValueError, match=message) as caught:
        heir.fit(X, y)
    assert "CompactCNN(dropout=0.0, filters=(4, 6)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_saved_classifier_is_refused(donor, heir, tmp_path):
    _, X, y = donor
    broken, other = tmp_path / "broken", tmp_path / "other"
    broken.write_text("no model")
    joblib.dump(LogisticRegression(), other)
    for source, message in [
        (tmp_path / "none.joblib", "none.joblib: cannot be read: No such file"),
        (tmp_path, "this folder has no model"),
        (broken, "broken: not a model file"),
        (other, "no fitted CNNClassifier in a LogisticRegression"),
        (LogisticRegression(), "no fitted CNNClassifier in a LogisticRegression"),
        (CNNClassifier(), "this CNNClassifier is not fitted"),
    ]:
        with pytest.raises(ValueError, match=message):
            heir.set_params(pretrained=source).fit(X, y)
    with pytest.raises(ValueError, match="'pretrained' parameter of CNNClassifier"):
        heir.set_params(pretrained=3).fit(X, y)
