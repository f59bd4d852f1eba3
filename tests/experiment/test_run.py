"""Whole runs on a few small sounds, and what they leave behind."""

import csv
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from skal.datasets import load_audio_folder, make_sounds
from skal.datasets.synthetic import write_sounds
from skal.experiment.messages import ParameterError
from skal.experiment.params.parameters import load_params
from skal.experiment.runs.manifest import find_duplicates
from skal.experiment.runs.record import STATS_COLUMNS
from skal.experiment.runs.run import run_experiment
from skal.recognizer import Recognizer

TINY = {
    "dataset": {
        "name": "sounds",
        "n_samples": 60,
        "n_classes": 3,
        "duration": 0.3,
        "random_state": 0,
    },
    "split": "random",
    "features": {"name": "mfcc", "n_fft": 256, "hop_length": 256, "n_mels": 16, "n_mfcc": 8},
    "model": "logistic_regression",
    "n_initial": 10,
    "n_instances": 8,
    "budget": 30,
    "verbose": 0,
}


def run_tiny(folder, **raw):
    params, notes = load_params(TINY | {"output_dir": str(folder)} | raw)
    return run_experiment(params, notes=notes)


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_a_run_leaves_behind(tmp_path):
    (path,) = run_tiny(tmp_path)
    assert path == tmp_path / "sounds" / "margin" / "1"
    assert {entry.name for entry in path.iterdir()} == {
        "params.json",
        "environment.json",
        "stats.csv",
        "queries.csv",
        "curve.png",
        "model.skal",
        "summary.json",
        "manifest.json",
        "log.txt",
        "held_out.csv",
    }
    stats, queries = read_csv(path / "stats.csv"), read_csv(path / "queries.csv")
    assert list(stats[0])[: len(STATS_COLUMNS)] == STATS_COLUMNS
    assert [int(row["num_new_labeled"]) for row in stats] == [10, 8, 8, 4]
    assert [int(row["num_total_labeled"]) for row in stats] == [10, 18, 26, 30]
    assert [row["num_pseudo_labeled"] for row in stats] == ["0"] * 4
    assert all(0 <= float(row["eval_acc"]) <= 1 and row["pseudo_acc"] == "" for row in stats)
    sounds = make_sounds(60, 3, duration=0.3, random_state=0)
    positions = [int(row["position"]) for row in queries]
    assert len(set(positions)) == len(positions) == 30
    assert [row["round"] for row in queries] == ["0"] * 10 + ["1"] * 8 + ["2"] * 8 + ["3"] * 4
    assert [row["label"] for row in queries] == list(sounds.target_names[sounds.target[positions]])
    assert [row["file"] for row in queries] == [f"clip {i}" for i in positions]
    scores = [row["score"] for row in queries]
    assert scores[:10] == [""] * 10
    assert all(-1 <= float(score) <= 0 for score in scores[10:])  # minus the margin
    summary = json.loads((path / "summary.json").read_text())
    assert summary["model_of_round"] == 3
    assert 0 <= summary["full_data"]["accuracy"] <= 1
    assert (path / "curve.png").read_bytes().startswith(b"\x89PNG")
    log = (path / "log.txt").read_text()
    assert log.count("round ") == 4
    assert str(path) in log


def test_the_same_parameters_give_the_same_queries(tmp_path):
    (first,) = run_tiny(tmp_path)
    again, _ = load_params(json.loads((first / "params.json").read_text()))
    (second,) = run_experiment(again)
    assert second.name == "2"
    assert (first / "queries.csv").read_text() == (second / "queries.csv").read_text()


def test_the_saved_model_takes_files(tmp_path):
    sounds = write_sounds(make_sounds(60, 3, duration=0.3, random_state=0), tmp_path / "clips")
    (path,) = run_tiny(
        tmp_path,
        dataset="folder",
        data_home=str(tmp_path / "clips"),
        features=TINY["features"] | {"sr": 8000},
        validation_fraction=0.0,
    )
    model = Recognizer.load(path)
    data = load_audio_folder(tmp_path / "clips")
    asked = {int(row["position"]): row["file"] for row in read_csv(path / "queries.csv")}
    assert all(data.paths[position] == file for position, file in asked.items())
    assert set(model.predict(sounds.paths[:5])) <= set(sounds.target_names)
    # Every label that the campaign has seen was learned by this model.
    seen = list(asked)
    predicted = model.predict(data.paths[seen])
    assert accuracy_score(data.target_names[data.target[seen]], predicted) > 0.9


def test_features_from_a_store_change_nothing(tmp_path):
    recordings = tmp_path / "recordings"
    sounds = write_sounds(make_sounds(40, 3, duration=0.3, random_state=0), recordings)
    Path(sounds.paths[0]).with_name("broken.wav").write_text("no sound")
    files = {"dataset": "folder", "data_home": str(recordings), "split": "random"}
    (plain,) = run_tiny(tmp_path / "plain", **files)
    stored = files | {"feature_store": str(tmp_path / "store")}
    (first,) = run_tiny(tmp_path / "first", **stored)
    (kept,) = (tmp_path / "store").rglob("features.bin")
    written = kept.stat().st_mtime_ns
    (second,) = run_tiny(tmp_path / "second", **stored)
    assert kept.stat().st_mtime_ns == written
    queries = [(path / "queries.csv").read_bytes() for path in (plain, first, second)]
    assert queries[0] == queries[1] == queries[2]
    assert "set aside" in (second / "log.txt").read_text()


def test_a_store_is_for_files(tmp_path):
    with pytest.raises(ParameterError, match="feature_store: these recordings are not files"):
        run_tiny(tmp_path, feature_store=str(tmp_path / "store"))


def test_seeds_are_runs_of_their_own(tmp_path):
    paths = run_tiny(tmp_path, n_seeds=2, random_seed=4, strategy="random", full_data=False)
    assert [path.name for path in paths] == ["1", "2"]
    used = [json.loads((path / "params.json").read_text()) for path in paths]
    assert [entry["random_seed"] for entry in used] == [4, 5]
    queries = [(path / "queries.csv").read_text() for path in paths]
    assert queries[0] != queries[1]
    assert json.loads((paths[0] / "summary.json").read_text())["full_data"] is None
    logs = [(path / "log.txt").read_text() for path in paths]
    assert all(f"seed {seed}" in log for seed, log in zip((4, 5), logs, strict=True))
    assert "seed 4" not in logs[1]


def test_validation_data_choose_the_saved_round(tmp_path):
    (path,) = run_tiny(tmp_path, validation_fraction=0.3, budget=None)
    queries = read_csv(path / "queries.csv")
    sounds = make_sounds(60, 3, duration=0.3, random_state=0)
    params, _ = load_params(TINY | {"validation_fraction": 0.3})
    from skal.experiment.runs.data import load_data
    from skal.experiment.runs.splits import split_data

    split = split_data(load_data(params), params, 0)
    assert not {int(row["position"]) for row in queries} & set(split.valid)
    model = Recognizer.load(path).model
    model.named_steps["features"].set_params(sr=8000)
    accuracy = accuracy_score(
        sounds.target_names[sounds.target[split.valid]], model.predict(sounds.data[split.valid])
    )
    chosen = json.loads((path / "summary.json").read_text())["model_of_round"]
    assert chosen <= len(read_csv(path / "stats.csv")) - 1
    assert accuracy > 1 / 3


def test_a_model_below_the_baseline_is_not_saved(tmp_path):
    (path,) = run_tiny(tmp_path, metric_baseline=0.999, budget=10, validation_fraction=0.5)
    assert not (path / "model.skal").exists()
    assert "no model saved" in (path / "log.txt").read_text()
    assert json.loads((path / "summary.json").read_text())["model_of_round"] is None


def test_test_data_choose_nothing(tmp_path):
    """Without validation data the last round's model is saved, and the log says why."""
    (path,) = run_tiny(tmp_path, metric_baseline=0.999)
    assert json.loads((path / "summary.json").read_text())["model_of_round"] == 3
    assert "metric_baseline=0.999 has no effect" in (path / "log.txt").read_text()
    (plain,) = run_tiny(tmp_path)
    assert "metric_baseline" not in (plain / "log.txt").read_text()


def test_pseudo_labels_are_counted(tmp_path):
    (path,) = run_tiny(
        tmp_path,
        model={"name": "logistic_regression"},
        framework_type="entropy_pl",
        decay_threshold=0.6,
        decay_rate=0.01,
    )
    assert path.parent.name == "entropy_pl"
    stats = read_csv(path / "stats.csv")
    counts = [int(row["num_pseudo_labeled"]) for row in stats]
    assert counts[0] == 0
    assert min(counts[1:]) > 0
    assert [row["threshold"] for row in stats] == ["", "0.6", "0.59", "0.57"]
    assert {row["decay_rate"] for row in stats} == {"0.01"}
    assert stats[0]["pseudo_acc"] == ""
    assert all(0 <= float(row["pseudo_acc"]) <= 1 for row in stats[1:])
    trained = [int(row["n_trained"]) for row in stats]
    labels = [int(row["num_total_labeled"]) for row in stats]
    assert trained == [a + b for a, b in zip(counts, labels, strict=True)]


@pytest.mark.parametrize("mode", ["certain", "var", "no", "all"])
def test_old_labels_are_selected(tmp_path, mode):
    paths = run_tiny(
        tmp_path, framework_type="hist_select", hist_sel_mode=mode, sel_thresholds=[10, 1000]
    )
    trained = [[int(row["n_trained"]) for row in read_csv(p / "stats.csv")] for p in paths]
    everything, new_only = [10, 18, 26, 30], [10, 8, 8, 4]
    if mode in ("all", "no"):
        assert trained == [everything if mode == "all" else new_only]
        return
    assert trained[1] == everything  # never more labels than the threshold
    assert trained[0][:2] == [10, 18]  # 10 are not above 10 yet
    assert all(
        new < found < all_
        for new, found, all_ in zip(new_only[2:], trained[0][2:], everything[2:], strict=True)
    )


def test_stopping_ends_a_run(tmp_path):
    (path,) = run_tiny(tmp_path, stopping={"name": "low_uncertainty", "threshold": 1.05})
    reason = json.loads((path / "summary.json").read_text())["stop_reason"]
    assert reason.startswith("no candidate is uncertain")
    assert json.loads((path / "params.json").read_text())["stopping"] == [
        {"name": "low_uncertainty", "threshold": 1.05}
    ]


def test_what_is_set_aside_is_in_the_log_with_what_to_do(tmp_path):
    made = write_sounds(make_sounds(40, 2, duration=0.2, random_state=0), tmp_path / "in")
    # Names of any bytes, as on old disks, are written as they are.
    paths = [os.fsencode(path).replace(b".wav", b"\xe9.wav") for path in made.paths]
    for old, new in zip(made.paths, paths, strict=True):
        os.rename(old, new)
    with open(paths[3], "wb") as file:
        file.write(b"this is no sound")
    raw = {"dataset": "folder", "data_home": str(tmp_path / "in"), "features": {"n_fft": 256}}
    (path,) = run_tiny(tmp_path / "out", **raw, split="random", budget=20)
    log = (path / "log.txt").read_bytes()
    assert paths[3] + b": not a sound file (Format not recognised). What to do: convert" in log
    asked = (path / "queries.csv").read_bytes()
    assert sum(name in asked for name in paths) == 20 and paths[3] not in asked


def test_a_manifest_names_every_file(tmp_path):
    (path,) = run_tiny(tmp_path)
    manifest = json.loads((path / "manifest.json").read_text())
    files = {entry.name for entry in path.iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == files
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((path / name).read_bytes()).hexdigest() == digest


def test_runs_that_are_the_same_are_reported(tmp_path, capsys):
    (first,) = run_tiny(tmp_path, verbose=1)
    assert "identical" not in capsys.readouterr().out
    (second,) = run_tiny(tmp_path, verbose=1)
    assert f"the result is identical to that of {first}" in capsys.readouterr().out
    (third,) = run_tiny(tmp_path, verbose=1, random_seed=1)
    assert "identical" not in capsys.readouterr().out
    assert find_duplicates([first, second, third]) == {second: first}


def test_hidden_labels_influence_nothing(tmp_path, monkeypatch):
    """Permute the labels of all clips that were never asked for: the same queries."""
    (path,) = run_tiny(tmp_path)
    asked = [int(row["position"]) for row in read_csv(path / "queries.csv")]
    from skal.experiment.runs import plan as module

    load = module.load_data

    def load_permuted(params):
        data = load(params)
        hidden = np.setdiff1d(np.arange(len(data.y)), asked)
        data.y[hidden] = data.y[np.random.RandomState(1).permutation(hidden)]
        return data

    monkeypatch.setattr(module, "load_data", load_permuted)
    (permuted,) = run_tiny(tmp_path)
    assert (path / "queries.csv").read_text() == (permuted / "queries.csv").read_text()


def test_a_strategy_that_the_model_cannot_serve(tmp_path):
    pytest.importorskip("skal.strategies.bayesian")
    with pytest.raises(ParameterError, match=r"strategy: BALD needs sample_proba"):
        run_tiny(tmp_path, strategy="bald")


@pytest.mark.slow
def test_default_model_on_fsdd(tmp_path, fsdd_home):
    raw = {"dataset": "fsdd", "data_home": str(fsdd_home), "num_total": 400, "split": "official"}
    features = {"sr": 8000, "duration": 1.0, "n_fft": 512, "hop_length": 200}
    params, _ = load_params(
        raw
        | {"features": features, "n_initial": 50, "n_instances": 50, "budget": 100}
        | {"full_data": False, "model": {"steps": 60}, "output_dir": str(tmp_path)}
    )
    (path,) = run_experiment(params)
    stats = read_csv(path / "stats.csv")
    assert [int(row["num_total_labeled"]) for row in stats] == [50, 100]
    assert float(stats[-1]["eval_acc"]) > 0.3  # chance is 0.1
    assert all("_" in row["file"] for row in read_csv(path / "queries.csv"))
    digits = Recognizer.load(path).predict([str(fsdd_home / "recordings/7_theo_1.wav")])
    assert digits[0] in "0123456789"
