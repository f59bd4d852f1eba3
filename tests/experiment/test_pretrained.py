"""Runs that start from saved weights, and networks by their names in a parameter file."""

import os

import numpy as np
import pytest

from skal.experiment.messages import ParameterError
from skal.experiment.params.parameters import load_params
from skal.experiment.registry import component_names
from skal.experiment.runs.plan import build_parts
from skal.experiment.runs.run import run_experiment
from skal.models import PiczakCNN, ResNet, SegmentVoting, VGGish
from skal.recognizer import Recognizer
from tests.experiment.test_run import TINY, read_csv

NETWORK = {"name": "compact_cnn", "filters": [4, 6], "n_embedding": 8}
SMALL = TINY | {
    "features": {"name": "log_mel", "n_fft": 256, "hop_length": 256, "n_mels": 16},
    "model": {"name": "cnn", "network": NETWORK, "steps": 40},
    "n_initial": 10,
    "n_instances": 10,
    "budget": 20,
    "full_data": False,
}


def test_networks_are_known_by_name():
    names = {"compact_cnn", "dense_net", "piczak_cnn", "resnet", "segment_voting", "vggish"}
    assert names <= set(component_names("network"))


@pytest.mark.parametrize(
    ("network", "cls", "params"),
    [
        ("vggish", VGGish, {}),
        ("VGGish", VGGish, {}),
        ({"name": "resnet", "depth": 50}, ResNet, {"depth": 50}),
        ({"name": "piczak_cnn", "units": [5000, 5000]}, PiczakCNN, {"units": [5000, 5000]}),
        (
            {"name": "segment_voting", "network": {"name": "vggish", "dropout": 0.1}},
            SegmentVoting,
            {"network__dropout": 0.1},
        ),
    ],
)
def test_networks_are_built_with_their_parameters(network, cls, params):
    built = build_parts(load_params({"model": {"network": network}})[0]).model.network
    assert type(built) is cls
    assert params.items() <= built.get_params().items()


def test_keys_of_the_predecessor_that_start_from_saved_weights():
    given = {"load_pretrained": True, "pre_train": False, "pretrained": "old/model.joblib"}
    params, notes = load_params(given)
    # Absolute, so that a run can be gone on with from another folder.
    assert params.model.params["pretrained"] == os.path.abspath("old/model.joblib")
    assert params.update.model_dump() == {"name": "retrain", "pre_train": False}
    assert notes == []
    assert load_params(params.as_used())[0] == params


def test_not_loading_is_said():
    params, notes = load_params({"load_pretrained": False, "pretrained": "x"})
    assert "pretrained" not in params.model.params
    assert notes == ["no effect with load_pretrained false: pretrained"]
    params, notes = load_params({"pretrained": None, "pre_train": True})
    assert (params.model.params, params.update, notes) == ({}, None, [])


def test_an_override_of_either_name(tmp_path):
    for key in ("pretrained", "model.pretrained"):
        params, _ = load_params({"pretrained": "a"}, [(key, str(tmp_path))])
        assert params.model.params["pretrained"] == str(tmp_path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"pretrained": "none.joblib"}, "none.joblib: cannot be read: No such file"),
        ({"pretrained": "x", "model": "logistic_regression"}, "has no such parameter"),
        ({"pretrained": 3}, "pretrained: 3 is not allowed; use a file or a run folder"),
    ],
)
def test_weights_that_are_not_there_are_one_line_before_any_work(raw, message):
    with pytest.raises(ParameterError) as caught:
        build_parts(load_params(raw)[0])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_run_starts_from_the_model_of_another_one(tmp_path):
    learned = SMALL | {"model": SMALL["model"] | {"steps": 200}}
    params, _ = load_params(learned | {"output_dir": str(tmp_path / "first")})
    (first,) = run_experiment(params)
    raw = learned | {"output_dir": str(tmp_path / "second"), "load_pretrained": True}
    params, _ = load_params(raw | {"pre_train": False, "pretrained": str(first)})
    (second,) = run_experiment(params)
    before, after = (read_csv(path / "stats.csv") for path in (first, second))
    # Same seed, same split: round 0 of the second run is scored with the first run's model.
    assert after[0]["eval_acc"] == before[-1]["eval_acc"]
    assert float(before[-1]["eval_acc"]) > 0.6
    weights = [Recognizer.load(path).model[-1].get_weights()[0] for path in (first, second)]
    np.testing.assert_array_equal(*weights)
