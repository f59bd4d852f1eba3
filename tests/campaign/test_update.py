"""Where a round's training begins."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from skal import ActiveLearningClassifier
from skal.campaign import Finetune, Retrain, ShrinkPerturb
from skal.models import CNNClassifier, DenseNet
from tests.campaign.data import blobs, model


def network(**params):
    return MLPClassifier((8,), solver="sgd", **{"max_iter": 5, **params})


def campaign(estimator, **params):
    defaults = {"n_initial": 20, "n_instances": 20, "budget": 40, "random_state": 0}
    return ActiveLearningClassifier(estimator, **{**defaults, **params})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_finetuning_goes_on_from_the_weights_of_the_last_round():
    X, y = blobs(n_classes=3)
    retrained = campaign(network(), store_rounds=True).fit(X, y)
    finetuned = campaign(network(), store_rounds=True, update="finetune").fit(X, y)
    first, second = (list(c.staged_predict_proba(X)) for c in (retrained, finetuned))
    np.testing.assert_array_equal(first[0], second[0])
    # Few small steps change a network little; a new one is somewhere else altogether.
    assert np.abs(second[1] - second[0]).mean() < 0.5 * np.abs(first[1] - first[0]).mean()
    assert not network().warm_start


@pytest.mark.parametrize("update", ["finetune", Finetune()])
def test_finetuning_needs_a_way_to_go_on(update):
    X, y = blobs()
    with pytest.raises(TypeError, match="needs a classifier with warm_start or partial_fit"):
        campaign(KNeighborsClassifier(), update=update).fit(X, y)


@pytest.mark.parametrize("update", ["shrink_perturb", ShrinkPerturb()])
def test_shrink_perturb_needs_a_network(update):
    X, y = blobs()
    with pytest.raises(TypeError, match="CNNClassifier"):
        campaign(model(), update=update).fit(X, y)


def test_a_network_that_was_told_all_classes_goes_on_when_one_comes_late():
    X, y = blobs(n_classes=3)
    known = np.where(y < 2, y, -1)
    finetuned = campaign(dense_classifier(), update="finetune", classes=[0, 1, 2], budget=None)
    finetuned.fit(X, known)
    late = np.flatnonzero(y == 2)
    finetuned.teach(indices=late[:5], y=y[late[:5]])
    assert [record["from_scratch"] for record in finetuned.history_] == [True, False]
    assert finetuned.estimator_.warm_start


def test_unknown_name():
    X, y = blobs()
    with pytest.raises(ValueError, match="update"):
        campaign(model(), update="again").fit(X, y)


def dense_classifier(**params):
    from skal.models import CNNClassifier, DenseNet

    defaults = {"steps": 12, "learning_rate": 0.02}
    return CNNClassifier(DenseNet(units=(8,), dropout=0.2), **{**defaults, **params})


def test_a_network_finetuned_for_no_step_stays_as_it_is():
    X, y = blobs(n_classes=3)
    done = campaign(
        dense_classifier(warm_steps=0.0), n_initial=30, update="finetune", store_rounds=True
    ).fit(X, y)
    first, *others = done.staged_predict_proba(X)
    assert others
    for later in others:
        np.testing.assert_array_equal(first, later)


class _Interrupted(Exception):
    pass


@pytest.mark.parametrize("update", ["retrain", "shrink_perturb"])
def test_a_network_goes_on_from_a_checkpoint_to_the_same_result(tmp_path, update):
    X, y = blobs(n_classes=3)

    def stop(record):
        if record["round"] == 1:
            raise _Interrupted

    params = {"budget": 60, "n_instances": 10, "update": update}
    network = dense_classifier()
    expected = campaign(network, **params).fit(X, y)
    with pytest.raises(_Interrupted):
        campaign(clone(network), **params, checkpoint=tmp_path).fit(X, y, on_round=stop)
    resumed = campaign(clone(network), **params, checkpoint=tmp_path).fit(X, y)
    np.testing.assert_array_equal(expected.labeled_indices_, resumed.labeled_indices_)
    np.testing.assert_array_equal(expected.predict_proba(X), resumed.predict_proba(X))
    if update == "shrink_perturb":
        assert resumed.estimator_.n_steps_ == 6
        retrained = campaign(clone(network), **{**params, "update": "retrain"}).fit(X, y)
        assert np.abs(retrained.predict_proba(X) - resumed.predict_proba(X)).max() > 1e-3


def test_without_pre_training_the_first_model_is_the_pretrained_one():
    X, y = blobs(n_classes=3)
    donor = CNNClassifier(DenseNet(units=(8,)), steps=30, random_state=0).fit(X[:60], y[:60])
    heir = CNNClassifier(DenseNet(units=(8,)), epochs=4, pretrained=donor)
    for update in (Retrain(pre_train=False), Finetune(pre_train=False)):
        result = campaign(heir, update=update, store_rounds=True).fit(X, y)
        first, second = result.staged_predict_proba(X)
        np.testing.assert_array_equal(first, donor.predict_proba(X))
        assert np.abs(second - first).max() > 1e-3
        assert [entry["n_trained"] for entry in result.history_] == [0, 40]
        assert result.estimator_.epochs == 4
        assert result.estimator_.steps == "auto"


@pytest.mark.parametrize("estimator", [model(), CNNClassifier()])
def test_without_pre_training_there_must_be_saved_weights(estimator):
    X, y = blobs(n_classes=3)
    with pytest.raises(TypeError, match=r"Retrain\(pre_train=False\) needs .*\(pretrained="):
        campaign(estimator, update=Retrain(pre_train=False)).fit(X, y)
