"""Parameter files with the names of before mean what they meant, and a note says what changed."""

import pytest

from skal.experiment import ParameterError, load_params
from skal.experiment.params.renamed import before_renaming
from skal.experiment.runs.plan import build_parts

BEFORE = {
    "dataset": {"name": "sounds", "n_samples": 40},
    "test_percent": 0.3,
    "valid_percent": 0.1,
    "strategy": {
        "name": "schedule",
        "stages": [
            [50, {"name": "max_per_group", "strategy": {"name": "BALD", "n_samples": 3}, "k": 2}],
            [None, {"name": "neighbor_pool", "strategy": "margin", "k": 9}],
        ],
    },
    "replay": {"name": "certain", "threshold": 5},
    "stopping": ["low_uncertainty", {"name": "no_gain", "rounds": 4}],
}


def test_names_of_before_are_translated():
    params, notes = load_params(BEFORE)
    parts = build_parts(params)
    (_, first), (_, then) = parts.strategy.stages
    assert (first.n_per_group, first.strategy.n_models, then.n_neighbors) == (2, 3, 9)
    assert (parts.options["replay"].mode, parts.options["stopping"][1].n_rounds) == (
        "uncertain",
        4,
    )
    assert (params.test_fraction, params.validation_fraction) == (0.3, 0.1)
    assert params.dataset.params == {"n_samples": 40}
    assert len(notes) == 5
    assert "replay: certain is called uncertain now" in notes
    again, notes = load_params(params.as_used())
    assert again == params
    assert notes == []


def test_digests_of_folders_see_the_names_of_before():
    params, _ = load_params(BEFORE)
    old = before_renaming(params.as_used())
    assert {name: old[name] for name in BEFORE if name not in ("stopping", "dataset")} == {
        name: BEFORE[name] for name in BEFORE if name not in ("stopping", "dataset")
    }
    assert old["stopping"] == [{"name": "low_uncertainty"}, BEFORE["stopping"][1]]


def test_two_names_of_one_thing_are_refused():
    with pytest.raises(ParameterError, match=r"strategy.n_samples: it means the same as n_models"):
        load_params({"strategy": {"name": "bald", "n_samples": 3, "n_models": 4}})


@pytest.mark.parametrize("replay", ["all", {"name": "all", "threshold": 5}])
def test_replay_of_all_labels_is_null(replay):
    params, notes = load_params({"replay": replay})
    assert params.replay is None
    assert notes == ["replay: all is called null now"]


def test_a_name_that_is_short_for_an_object_is_translated():
    params, notes = load_params({"replay": "certain"})
    assert params.replay.name == "uncertain"
    assert notes == ["replay: certain is called uncertain now"]
