"""Checkpoints: whatever ends a campaign, it goes on as if nothing had happened."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skal import ActiveLearningClassifier
from skal._sealed import read_sealed
from skal.campaign import PseudoLabels, StabilizedPredictions
from skal.models import CNNClassifier, DenseNet
from skal.strategies import EntropySampling
from tests.campaign.data import blobs, model


def campaign(**params):
    defaults = {"n_initial": 12, "n_instances": 6, "budget": 48, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


class Interrupted(Exception):
    pass


class Broken(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        if len(y) >= 24:
            raise Interrupted
        return super().fit(X, y, sample_weight)


def interrupt_in(round_number):
    def on_round(record):
        if record["round"] == round_number:
            raise Interrupted

    return on_round


@pytest.mark.parametrize("round_number", [0, 1, 4])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"pseudo_labels": PseudoLabels(0.4), "replay": "certain", "store_rounds": True},
        {"stopping": StabilizedPredictions(0.97, rounds=2)},
    ],
    ids=["plain", "pseudo-labels and replay", "stopping"],
)
def test_goes_on_to_the_same_result(tmp_path, round_number, params):
    X, y = blobs()
    expected = campaign(**params).fit(X, y, eval_set=(X, y))
    with pytest.raises(Interrupted):
        campaign(**params, checkpoint=tmp_path).fit(
            X, y, eval_set=(X, y), on_round=interrupt_in(round_number)
        )
    resumed = campaign(**params, checkpoint=tmp_path).fit(X, y, eval_set=(X, y))
    np.testing.assert_array_equal(expected.labeled_indices_, resumed.labeled_indices_)
    np.testing.assert_array_equal(expected.predict_proba(X), resumed.predict_proba(X))
    assert expected.stop_reason_ == resumed.stop_reason_
    assert [r["eval_accuracy"] for r in expected.history_] == [
        r["eval_accuracy"] for r in resumed.history_
    ]
    if params.get("store_rounds"):
        assert len(list(resumed.staged_predict(X))) == len(resumed.history_)


def test_a_finished_campaign_trains_nothing_again(tmp_path):
    X, y = blobs()
    first = campaign(checkpoint=tmp_path).fit(X, y)

    def no_training(record):
        raise AssertionError("trained again")

    second = campaign(checkpoint=tmp_path).fit(X, y, on_round=no_training)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert second.stop_reason_ == first.stop_reason_


def test_a_larger_budget_goes_on(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path, budget=24).fit(X, y)
    longer = campaign(checkpoint=tmp_path).fit(X, y)
    np.testing.assert_array_equal(longer.labeled_indices_, campaign().fit(X, y).labeled_indices_)


def test_answers_are_kept_although_training_failed(tmp_path):
    X, y = blobs()
    asked = []

    def oracle(rows):
        asked.extend(rows)
        return y[rows]

    params = {"checkpoint": tmp_path, "classes": range(4)}
    with pytest.raises(Interrupted):
        campaign(**params).set_params(estimator=Broken(max_iter=200)).fit(X, oracle=oracle)
    head = read_sealed(tmp_path / "campaign.skal", "campaign", 2)
    np.testing.assert_array_equal(head.arrays["labeled"], asked)
    assert len(asked) == 24


def test_oracle_is_never_asked_twice(tmp_path):
    X, y = blobs()
    asked = []

    def oracle(rows):
        asked.extend(rows)
        return y[rows]

    params = {"checkpoint": tmp_path, "classes": range(4)}
    with pytest.raises(Interrupted):
        campaign(**params).fit(X, oracle=oracle, on_round=interrupt_in(2))
    resumed = campaign(**params).fit(X, oracle=oracle)
    np.testing.assert_array_equal(resumed.labeled_indices_, asked)
    np.testing.assert_array_equal(resumed.labeled_indices_, campaign().fit(X, y).labeled_indices_)


def test_taught_labels_come_back(tmp_path):
    X, y = blobs()
    partial = np.where(np.arange(80) < 20, y, -1)
    first = campaign(checkpoint=tmp_path).fit(X, partial)
    indices = first.query()
    first.teach(indices=indices, y=y[indices])
    first.teach(X[:3] + 1, y[:3])
    second = campaign(checkpoint=tmp_path).fit(X, partial)
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    np.testing.assert_array_equal(first.query(), second.query())
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_instances": 7}, "n_instances was 6, is 7"),
        ({"strategy": EntropySampling()}, "strategy was None, is EntropySampling"),
        ({"random_state": 1}, "random_state was 0, is 1"),
    ],
)
def test_another_campaign_is_refused(tmp_path, change, message):
    X, y = blobs()
    campaign(checkpoint=tmp_path, budget=20).fit(X, y)
    with pytest.raises(ValueError, match=message):
        campaign(checkpoint=tmp_path, **change).fit(X, y)


def test_other_labels_are_refused(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path, budget=20).fit(X, y)
    with pytest.raises(ValueError, match="labels of y differ"):
        campaign(checkpoint=tmp_path).fit(X, y[::-1])


def test_nothing_is_left_but_what_belongs_to_it(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path).fit(X, y)
    rounds = [f"round-{i:05d}.skal" for i in range(7)]
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["campaign.skal", "model-00007.skal", *rounds]


def first_rows(learner, X, n_instances):
    return np.arange(n_instances)


def test_a_function_is_the_same_in_another_process(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path, strategy=first_rows, budget=20).fit(X, y)

    def moved(learner, X, n_instances):
        return first_rows(learner, X, n_instances)

    moved.__qualname__ = first_rows.__qualname__
    resumed = campaign(checkpoint=tmp_path, strategy=moved).fit(X, y)
    assert len(resumed.labeled_indices_) == 48
    with pytest.raises(ValueError, match="strategy was <function first_rows>"):
        campaign(checkpoint=tmp_path, strategy=lambda *_: [0]).fit(X, y)


def test_all_of_a_long_description_counts(tmp_path):
    X, y = blobs()

    def with_middle(value):
        names = [{"n" * 300: value if i == 3 else i} for i in range(7)]
        return make_pipeline(*[FunctionTransformer(ignore, kw_args=n) for n in names], model())

    campaign(checkpoint=tmp_path, budget=20).set_params(estimator=with_middle(1)).fit(X, y)
    with pytest.raises(ValueError, match="belongs to another campaign"):
        campaign(checkpoint=tmp_path).set_params(estimator=with_middle(2)).fit(X, y)


def ignore(X, **_):
    return X


def test_a_model_that_waits_for_labels_of_weight_comes_back(tmp_path):
    """Until then a constant one predicts; what it has learned from the pool must not go."""
    X, y = blobs()
    params = {"update": "finetune", "n_instances": 12}
    network = CNNClassifier(DenseNet(units=(4,)), steps=4)
    weights = np.ones(80)
    weights[campaign(budget=12).fit(X, y).labeled_indices_] = 0

    def fit(*, on_round=None, **more):
        learner = campaign(**params, **more).set_params(estimator=clone(network))
        return learner.fit(X, y, sample_weight=weights, on_round=on_round)

    expected = fit()
    with pytest.raises(Interrupted):
        fit(checkpoint=tmp_path, on_round=interrupt_in(0))
    resumed = fit(checkpoint=tmp_path)
    assert expected.history_[0]["n_labeled"] == 12
    np.testing.assert_array_equal(expected.labeled_indices_, resumed.labeled_indices_)
    np.testing.assert_array_equal(expected.predict_proba(X), resumed.predict_proba(X))
