"""Parameters: what is allowed, what is refused and how, and the predecessor's keys."""

import json

import pytest

from skal.experiment.explain import file_schema
from skal.experiment.messages import ParameterError
from skal.experiment.params.alframework import OldKeys
from skal.experiment.params.parameters import Params, dataset_given, load_params
from skal.experiment.params.presets import preset_for, preset_names, preset_rows, read_preset
from skal.experiment.registry import component_names, name_of_class
from skal.experiment.runs.plan import build_parts, make_plans, per_threshold
from skal.experiment.runs.progress import Reporter
from skal.experiment.runs.run import describe_params
from skal.models import CNNClassifier

# A file as the predecessor's users have it; load_pretrained is true in most of theirs.
OLD_FILE = {
    "sub_dir": "fsdd",
    "metric_baseline": 0.628606,
    "framework_type": "random",
    "num_total": 100000,
    "hist_sel_mode": "certain",
    "sel_thresholds": [10000],
    "max_round": 60,
    "num_epochs": 50,
    "batch_size": 64,
    "decay_rate": 0.001,
    "decay_threshold": 0.046,
    "labeled_percent": 0.1,
    "learning_rate": 0.0005,
    "load_pretrained": False,
    "num_classes": 10,
    "num_select_per_round": 200,
    "pre_train": True,
    "random_seed": 1,
    "test_percent": 0.2,
    "valid_percent": 0,
}


# What suits the data set of OLD_FILE, from the preset of that name.
FSDD_FEATURES = {
    "sr": 8000,
    "duration": 1.0,
    "n_fft": 512,
    "hop_length": 200,
    "ref": "max",
    "top_db": 60,
}


def test_nothing_given_is_complete():
    params, notes = load_params({})
    assert (params.strategy.name, params.model.name, params.features.name) == (
        "margin",
        "cnn",
        "log_mel",
    )
    assert notes == []


def test_a_file_of_the_predecessor_means_what_it_meant():
    params, notes = load_params(OLD_FILE)
    assert params.strategy.name == "random"
    assert params.model.params == {"epochs": 50, "batch_size": 64, "learning_rate": 0.0005}
    assert (params.n_initial, params.n_instances, params.max_rounds) == (0.1, 200, 60)
    assert (params.num_classes, params.num_total, params.random_seed) == (10, 100000, 1)
    assert params.metric_baseline == 0.628606
    assert params.budget is None  # the rounds end it, as they did there
    assert not set(params.as_used()) & {"framework_type", "max_round", "decay_rate"}
    assert params.name is None  # the engine is the strategy
    # Keys that only another engine uses are named, in one line.
    assert notes == [
        "no effect with strategy random: hist_sel_mode, sel_thresholds, decay_rate, "
        "decay_threshold"
    ]


@pytest.mark.parametrize("engine", ["random", "entropy"])
def test_engines_become_strategies_that_can_be_built(engine):
    params, _ = load_params(OLD_FILE | {"framework_type": engine})
    assert engine in type(build_parts(params).strategy).__name__.lower()


def test_what_is_used_can_be_used_again():
    raw = OLD_FILE | {"strategy": {"prefilter": 4}, "framework_type": "edpc"}
    params, _ = load_params(raw, [("model.network.dropout", 0.3), ("features.top_db", None)])
    again, notes = load_params(json.loads(json.dumps(params.as_used())))
    assert again == params
    assert notes == []
    assert again.features.params == {**FSDD_FEATURES, "top_db": None}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"n_initail": 3}, "n_initail: unknown key; did you mean 'n_initial'?"),
        ({"qqq": 3}, "qqq: unknown key; allowed: batch_size, budget"),
        ({"budget": 1.5}, "budget: 1.5 is not allowed; use an integer of at least 1, or a share"),
        ({"budget": 0}, "budget: 0 is not allowed"),
        ({"n_seeds": True}, "n_seeds: true is not allowed; use an integer"),
        ({"n_initial": None}, "n_initial: null is not allowed"),
        ({"max_rounds": "six"}, 'max_rounds: "six" is not allowed'),
        ({"split": "offical"}, "split: \"offical\" is not allowed; did you mean 'official'?"),
        ({"strategy": 5}, "strategy: 5 is not allowed; use a name, or an object"),
        ({"dataset": {"name": 3}}, 'dataset: {"name": 3} is not allowed'),
        ({"framework_type": "egll"}, "did you mean 'egl'? Allowed: aift, dpc, ecg"),
        ({"sel_thresholds": [0]}, "sel_thresholds: [0] is not allowed; use a list of integers"),
        ({"max_round": 3, "max_rounds": 4}, "max_round: it means the same as max_rounds"),
        ({"framework_type": "egl", "strategy": "egl"}, "framework_type: it means the same as"),
        ({"batch_size": 3, "model": {"batch_size": 3}}, "the same as model.batch_size"),
        ({"engine": "tensorflw"}, "is not allowed; did you mean 'tensorflow'"),
        (
            {"framework_type": "hist_select", "hist_sel_mode": "var"},
            "sel_thresholds: hist_select with var needs it",
        ),
        (
            {"framework_type": "hist_select", "hist_sel_mode": "no", "replay": "var"},
            "replay: hist_select sets it already; leave it out, or use edpc",
        ),
        ({"stopping": [3]}, "stopping: [3] is not allowed; use a name"),
        ({"budget": 3, "model": 5, "num_epochs": 2}, "model: 5 is not allowed; use a name, or an"),
        ({"name": "a/b"}, 'name: "a/b" is not allowed; use a text without slashes'),
        ({"pretrained": "a", "model": {"pretrained": "b"}}, "the same as model.pretrained"),
    ],
)
def test_a_wrong_parameter_is_one_line(raw, message):
    with pytest.raises(ParameterError) as caught:
        load_params(raw)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_go_over_the_file():
    raw = {"max_round": 3, "model": "cnn", "strategy": {"name": "edpc", "prefilter": 2}}
    overrides = [
        ("strategy.prefilter", 5),
        ("max_rounds", 7),
        ("model.network.dropout", 0.1),
        ("strategy", "dpc"),
    ]
    params, _ = load_params(raw, overrides)
    assert params.max_rounds == 7
    assert params.model.model_dump() == {"name": "cnn", "network": {"dropout": 0.1}}
    # A new name starts afresh, and its own parameters are put on top whatever the order.
    assert params.strategy.model_dump() == {"name": "dpc", "prefilter": 5}


@pytest.mark.parametrize(
    ("raw", "overrides", "expected"),
    [
        ({"max_rounds": 3}, [("max_round", 5)], ("max_rounds", 5)),
        ({"labeled_percent": 0.2}, [("n_initial", 9)], ("n_initial", 9)),
        ({"strategy": "edpc"}, [("framework_type", "egl")], ("strategy", {"name": "egl"})),
        ({"framework_type": "egl"}, [("strategy", "dpc")], ("strategy", {"name": "dpc"})),
        ({"model": {"epochs": 3}}, [("num_epochs", 5)], ("model", {"epochs": 5, "name": "cnn"})),
    ],
)
def test_an_override_by_the_other_name_is_no_conflict(raw, overrides, expected):
    params, _ = load_params(raw, overrides)
    assert params.as_used()[expected[0]] == expected[1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"strategy": "entropi"}, "strategy: there is no strategy named 'entropi'; did you mean"),
        ({"model": "cnnn"}, "model: there is no model named 'cnnn'; did you mean 'cnn'?"),
        ({"features": "mfc"}, "did you mean 'mfcc'? Allowed: embedding, log_mel, mfcc"),
        (
            {"features": {"n_mel": 3}},
            "features.n_mel: LogMelSpectrogram has no such parameter; did",
        ),
        ({"features": {"n_mels": "x"}}, "features.n_mels: must be an int in the range"),
        ({"strategy": {"name": "margin", "k": 1}}, "strategy.k: MarginSampling has no such"),
        ({"model": {"network": "compct_cnn"}}, "model.network: there is no network named"),
        ({"model": {"network": {"dropot": 0.1}}}, "model.network.dropot: CompactCNN has no such"),
        ({"model": {"learning_rate": -1}}, "model.learning_rate: must be a float in the range"),
        ({"initial_strategy": {"k": 3}}, 'initial_strategy: the "name" is missing'),
        (
            {"update": "retran"},
            "update: there is no update named 'retran'; did you mean 're",
        ),
        ({"update": "nope"}, "update: there is no update named 'nope'; allowed: finetune, retra"),
        ({"strategy": "nope"}, "there is no strategy named 'nope'; allowed: aift, badge"),
        ({"strategy": "schedule"}, "strategy.stages: missing; schedule needs it"),
        (
            {"strategy": {"name": "schedule", "stages": [[9, "margin"]]}},
            "strategy: the last st",
        ),
        (
            {"strategy": {"name": "schedule", "stages": [[9, "margn"], [None, "margin"]]}},
            "strategy.stages: there is no strategy named 'margn'; did you mean 'margin'?",
        ),
        ({"update": "finetune", "model": "nearest_neighbors"}, "update: update=Finetune() needs"),
        ({"update": "shrink_perturb", "model": "logistic_regression"}, "update: update='shrink"),
        ({"replay": "sure"}, "replay: there is no replay named 'sure'"),
        ({"replay": {"name": "var", "mode": "none"}}, "replay.mode: Replay has no such parameter"),
        ({"replay": {"fraction": 2.0}}, 'replay: the "name" is missing'),
        ({"replay": {"name": "var", "fraction": 2.0}}, "replay.fraction: must be a float"),
        ({"pseudo_labels": {"treshold": 0.1}}, "pseudo_labels.treshold: PseudoLabels has no such"),
        (
            {"pseudo_labels": {"weight": 0.5}, "model": "nearest_neighbors"},
            "pseudo_labels.weight: sample_weight was given, but KNeighborsClassifier.fit takes",
        ),
        ({"stopping": "no_gains"}, "stopping: there is no stopping named 'no_gains'; did you me"),
        ({"strategy": "bald", "model": "logistic_regression"}, "strategy: BALD needs sample_pro"),
    ],
)
def test_a_wrong_component_is_one_line(raw, message):
    params, _ = load_params(raw)
    with pytest.raises(ParameterError) as caught:
        build_parts(params)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_components_get_their_parameters():
    raw = {
        "model": {"learning_rate": 0.01, "network": {"name": "compact_cnn", "filters": [4, 8]}},
        "strategy": "least_confidence",
        "initial_strategy": "random",
        "features": {"name": "MFCC", "n_mfcc": 13},
    }
    parts = build_parts(load_params(raw)[0])
    assert parts.model.get_params()["network__filters"] == [4, 8]
    assert parts.model.learning_rate == 0.01
    assert type(parts.strategy).__name__ == "LeastConfidenceSampling"
    assert type(parts.options["initial_strategy"]).__name__ == "RandomSampling"
    assert parts.transformer.n_mfcc == 13
    assert parts.transformer.on_error == "warn"  # one bad recording never ends a campaign


def test_every_strategy_has_a_name():
    from skal import strategies

    names = component_names("strategy")
    assert {"entropy", "least_confidence", "margin", "random"} <= set(names)
    assert "function" not in names
    assert len(names) == len(set(names))
    assert strategies.MarginSampling is type(build_parts(load_params({})[0]).strategy)


@pytest.mark.parametrize("name", preset_names())
def test_presets_can_be_built(name):
    params, notes = load_params(read_preset(name))
    parts = build_parts(params)
    assert notes == []
    assert params.features.params  # each says what suits its data
    if name in ENGINES:
        assert name_of_class(type(parts.strategy)) == ENGINES[name]
        assert params.dataset.name == "sounds"  # runs without any recordings


ENGINES = {
    "random": "random",
    "dpc": "dpc",
    "edpc": "edpc",
    "entropy": "entropy",
    "entropy_pl": "entropy",
    "egl": "egl",
    "ecg": "ecg",
    "aift": "aift",
    "hist_select": "edpc",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_do_what_they_did(engine):
    params, notes = load_params(OLD_FILE | {"framework_type": engine})
    parts = build_parts(params)
    assert name_of_class(type(parts.strategy)) == ENGINES[engine]
    assert params.name == (engine if engine != ENGINES[engine] else None)
    replay, pseudo_labels = parts.options["replay"], parts.options["pseudo_labels"]
    assert (replay is not None) == (engine == "hist_select")
    assert (pseudo_labels is not None) == (engine == "entropy_pl")
    if replay is not None:
        assert (replay.mode, replay.threshold) == ("uncertain", 10000)
        assert "sel_thresholds" not in str(notes)
    if pseudo_labels is not None:
        assert (pseudo_labels.threshold, pseudo_labels.decay) == (0.046, 0.001)
        assert pseudo_labels.schedule == "recursive"
        assert params.model.params["label_smoothing"] == 0
        assert "decay" not in str(notes)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("certain", "uncertain"), ("var", "var"), ("no", "none"), ("all", None)],
)
def test_each_selection_of_old_labels(mode, expected):
    raw = {"framework_type": "hist_select", "hist_sel_mode": mode, "sel_thresholds": [50, 90]}
    params, _ = load_params(OLD_FILE | raw)
    runs = per_threshold(params)
    replays = [build_parts(run).options["replay"] for run in runs]
    assert {replay and replay.mode for replay in replays} == {expected}
    thresholds = [replay and replay.threshold for replay in replays]
    assert thresholds == {"no": [0], "all": [None]}.get(mode, [50, 90])
    again, _ = load_params(json.loads(json.dumps(runs[-1].as_used())))
    assert again == runs[-1]


def test_runs_of_an_experiment():
    raw = {"replay": {"name": "uncertain", "threshold": [3, 4]}, "n_seeds": 2, "random_seed": 7}
    raw |= {"split": "random", "features": "mfcc", "model": "logistic_regression"}
    plans = make_plans(per_threshold(load_params(raw)[0]), Reporter(0))
    made = [
        (plan.parts.options["replay"].threshold, plan.params.random_seed, plan.params.n_seeds)
        for plan in plans
    ]
    assert made == [(3, 7, 1), (3, 8, 1), (4, 7, 1), (4, 8, 1)]
    assert [plan.params.replay.params["threshold"] for plan in plans] == [3, 3, 4, 4]
    assert all(plan.features is plans[0].features for plan in plans)
    assert plans[0].split is plans[2].split
    with pytest.raises(ParameterError, match=r"replay\.threshold: the list is empty"):
        per_threshold(load_params({"replay": {"name": "var", "threshold": []}})[0])


def test_campaign_options():
    raw = {
        "update": "finetune",
        "replay": {"name": "diverse", "fraction": 0.3},
        "pseudo_labels": {"max_per_class": 5},
        "stopping": ["low_uncertainty", {"name": "no_gain", "n_rounds": 2}],
    }
    options = build_parts(load_params(raw)[0]).options
    assert type(options["update"]).__name__ == "Finetune"
    assert (options["replay"].mode, options["replay"].fraction) == ("diverse", 0.3)
    assert options["pseudo_labels"].max_per_class == 5
    assert [type(c).__name__ for c in options["stopping"]] == ["LowUncertainty", "NoGain"]
    assert build_parts(load_params({})[0]).options == {
        "initial_strategy": None,
        "update": "retrain",
        "replay": None,
        "pseudo_labels": None,
        "stopping": None,
    }


def test_features_that_suit_the_data_set():
    assert load_params({"sub_dir": "fsdd"})[0].features.params == FSDD_FEATURES
    params, _ = load_params({"dataset": "fsdd", "features": {"n_mels": 40}})
    assert params.features.params == {**FSDD_FEATURES, "n_mels": 40}
    params, _ = load_params({"dataset": "fsdd", "features": "mfcc"})
    assert params.features.params == {}
    assert load_params({"dataset": "folder"})[0].features.params == {}


def test_preset_rows_say_what_is_needed():
    rows = {name: (data, does) for name, data, does in preset_rows()}
    assert rows["fsdd"] == ("fsdd (--data_home FOLDER)", "margin")
    assert rows["aift"] == ("sounds", "aift")


def test_an_engine_is_a_strategy_by_name_too():
    given = {"decay_rate": 0.2, "sel_thresholds": [5]}
    for engine in ("entropy_pl", "hist_select"):
        by_name = load_params(given | {"strategy": engine})
        assert by_name[0].taken_from.pop("strategy") == "given"
        old = load_params(given | {"framework_type": engine})
        assert old[0].taken_from.pop("strategy") == "given"
        assert by_name == old
    params, _ = load_params({"strategy": "entropy_pl", "name": "mine"})
    assert (params.name, params.strategy.name) == ("mine", "entropy")


def test_weights_that_a_file_wants_but_does_not_name():
    params, notes = load_params(OLD_FILE | {"load_pretrained": True, "pre_train": False})
    assert notes[0].startswith("no effect without saved weights: load_pretrained and pre_tr")
    assert 'add "pretrained"' in notes[0]
    assert params.update is None and "pretrained" not in params.model.params


def test_where_values_were_taken_from():
    given, notes = preset_for("fsdd", "fsdd")
    options = [("max_round", 3), ("model.steps", 5)]
    params, _ = load_params(given, options, source="preset fsdd")
    expected = dict.fromkeys(given, "preset fsdd")
    assert notes == []
    assert params.taken_from == expected | {
        "max_rounds": "command line",
        "model.steps": "command line",
    }
    again, _ = load_params(params.as_used(), [("budget", 9)], source="params.json")
    assert again.taken_from == params.taken_from | {"budget": "command line"}
    params, _ = load_params({"sub_dir": "fsdd", "features": {"n_mels": 40}}, source="a.json")
    assert params.taken_from["features.*"] == "preset fsdd"
    assert load_params({"dataset": "folder"})[0].taken_from == {"dataset": "given"}
    lines = describe_params(params)
    assert lines[0] == "a.json: sub_dir, features"
    assert lines[1] == "preset fsdd: features.*"
    assert lines[2].startswith("defaults: split, model, strategy, n_initial")


def test_a_preset_is_for_its_own_data():
    raw, notes = preset_for("sounds", "folder")
    assert raw == {}
    raw, notes = preset_for("entropy_pl", "folder")
    assert raw["decay_threshold"] == 0.046
    assert not set(raw) & {"dataset", "split", "features"}
    assert notes == [
        "preset entropy_pl is for sounds; not used for folder: dataset, split, features"
    ]
    assert (
        preset_for("sounds", None)[0] == preset_for("sounds", "sounds")[0] == read_preset("sounds")
    )
    for options in ([("dataset", "x")], [("dataset.name", "x")], [("dataset", {"name": "x"})]):
        assert dataset_given(options) == "x"
    assert dataset_given([("dataset.n_samples", 3)]) is None


def test_stages_of_a_schedule_are_strategies():
    stages = [[60, "typiclust"], [None, {"name": "max_per_group", "strategy": "margin"}]]
    params, _ = load_params({"strategy": {"name": "schedule", "stages": stages}})
    (until, first), (_, then) = build_parts(params).strategy.stages
    assert (until, type(first).__name__) == (60, "TypiClust")
    assert type(then.strategy).__name__ == "MarginSampling"
    params, _ = load_params({"model": {"augmentation": "auto"}})
    assert build_parts(params).model.augmentation == "auto"  # not the name of a component


def test_presets_have_names():
    assert {"sounds", "fsdd"} <= set(preset_names())
    with pytest.raises(ParameterError, match="did you mean 'fsdd'"):
        read_preset("fsd")


def test_schema_describes_every_key():
    schema = file_schema()
    assert not set(OldKeys.model_fields) & set(Params.model_fields)
    assert set(OLD_FILE) <= set(schema["properties"])
    assert all(entry.get("description") for entry in schema["properties"].values())
    assert all(
        field.json_schema_extra["allowed"]
        for field in (Params.model_fields | OldKeys.model_fields).values()
    )
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("engine", ["keras", "tensorflow", None])
def test_the_engine_of_the_file_is_that_of_the_cnn(engine):
    params, _ = load_params({"engine": engine, "model": "cnn"})
    assert build_parts(params).model.engine == (engine or CNNClassifier().engine)


def test_other_models_have_no_engine_but_older_files_may_name_keras():
    params, _ = load_params({"engine": "keras", "model": "random_forest"})
    assert "RandomForestClassifier" in repr(build_parts(params).model)


def test_the_engine_trains_the_cnn_only():
    params, _ = load_params({"engine": "tensorflow", "model": {"name": "cnn", "steps": 3}})
    model = build_parts(params).model
    assert model.engine == "tensorflow"
    assert model.steps == 3
    params, _ = load_params({"engine": "tensorflow", "model": "random_forest"})
    with pytest.raises(
        ParameterError, match="engine: tensorflow is only for the cnn, not random_for"
    ):
        build_parts(params)
