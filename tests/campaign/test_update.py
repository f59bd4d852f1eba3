"""Where a round's training begins."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier

from skal import ActiveLearningClassifier
from skal.campaign import Finetune, ShrinkPerturb
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
def test_finetuning_needs_warm_start(update):
    X, y = blobs()
    with pytest.raises(TypeError, match="needs a classifier with warm_start"):
        campaign(GaussianNB(), update=update).fit(X, y)


@pytest.mark.parametrize("update", ["shrink_perturb", ShrinkPerturb()])
def test_shrink_perturb_needs_a_network(update):
    X, y = blobs()
    with pytest.raises(TypeError, match="CNNClassifier"):
        campaign(model(), update=update).fit(X, y)


def test_unknown_name():
    X, y = blobs()
    with pytest.raises(ValueError, match="update"):
        campaign(model(), update="again").fit(X, y)
