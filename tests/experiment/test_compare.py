"""Comparisons: paired, complete, the same on every backend, and computed rightly."""

import csv
import json
import shutil
import subprocess
import sys

import joblib
import matplotlib as mpl
import numpy as np
import pytest
from scipy import stats

from skal.display import BudgetCurveDisplay
from skal.experiment import Comparison, compare
from skal.experiment.comparing.report import _cell, findings
from skal.experiment.comparing.statistics import figures_of_runs, summarize, training_noise
from skal.experiment.explain import show_comparison
from skal.experiment.messages import ExperimentError, FolderBusyError, ParameterError
from skal.experiment.params.parameters import load_params
from skal.experiment.runs.run_folder import RunFolder
from skal.metrics import area_under_budget_curve
from tests.experiment.test_run import TINY, read_csv

mpl.use("Agg")
STRATEGIES = ["margin", {"name": "edpc", "prefilter": 2.0}]
NAMES = ["random", "margin", "edpc(prefilter=2.0)"]


def compare_tiny(folder, strategies=STRATEGIES, **raw):
    raw = {"n_seeds": 2, "budget": 26, "output_dir": str(folder)} | raw
    return compare(TINY | raw, strategies)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    return compare_tiny(tmp_path_factory.mktemp("compare"))


def queries(folder):
    return {
        str(path.parent.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("queries.csv"))
    }


def test_what_a_comparison_leaves_behind(comparison):
    folder = comparison.folder
    runs = {str(path.parent.relative_to(folder)) for path in folder.rglob("manifest.json")}
    assert runs == {f"{name}/{seed}" for name in NAMES for seed in (0, 1)}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert all(name in page for name in NAMES)
    assert "<svg" in page
    assert not any(word in page for word in ("<script", 'src="', "url(http", "<link"))
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "rarest.png").read_bytes().startswith(b"\x89PNG")
    assert "recall of the rarest class" in page.lower()
    table = read_csv(folder / "table.csv")
    assert [row["strategy"] for row in table] == NAMES
    assert float(table[1]["area"]) == comparison.table[1]["area"]
    assert table[0]["p_value"] == ""
    assert len(read_csv(folder / "runs.csv")) == 6
    assert "10 first labels, 8 per round, 26 in the end (budget: 26)." in page


def test_runs_are_paired(comparison):
    folder = comparison.folder
    for seed in ("0", "1"):
        first = [
            [row["position"] for row in read_csv(folder / name / seed / "queries.csv")][:10]
            for name in NAMES
        ]
        assert first[0] == first[1] == first[2]
        found = [read_csv(folder / name / seed / "stats.csv")[0]["eval_acc"] for name in NAMES]
        assert len(set(found)) == 1  # the same model on the same test data
    asked = queries(folder)
    assert asked["random/0"] != asked["random/1"]
    assert asked["random/0"] != asked["margin/0"]


def test_recall_of_the_rarest_class_over_labels(comparison):
    stats = read_csv(comparison.folder / "margin" / "1" / "stats.csv")
    values = [float(row["eval_recall_rarest"]) for row in stats]
    n_labels, curve = comparison.budget_curves("recall_rarest")["margin"][1]
    assert curve.tolist() == values
    run = next(r for r in comparison.runs if (r["strategy"], r["seed"]) == ("margin", 1))
    assert run["recall_rarest"] == pytest.approx(area_under_budget_curve(n_labels, curve))
    # Runs of earlier versions have not measured it, and are compared all the same.
    older = {
        name: {
            seed: [{k: v for k, v in row.items() if k != "eval_recall_rarest"} for row in rows]
            for seed, rows in seeds.items()
        }
        for name, seeds in comparison.stats.items()
    }
    earlier = Comparison(comparison.folder, older, comparison.full_data, {})
    assert np.isnan(earlier.table[0]["recall_rarest"])
    assert earlier.table[0]["area"] == comparison.table[0]["area"]


def test_only_what_is_missing_is_run(comparison, tmp_path):
    first = compare_tiny(tmp_path, ["margin"], n_seeds=1)
    assert "<p>1 seed (0), model " in (first.folder / "report.html").read_text()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("queries.csv")}
    assert len(before) == 2
    whole = compare_tiny(tmp_path)
    assert whole.folder == first.folder
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert queries(whole.folder) == queries(comparison.folder)
    other = compare_tiny(tmp_path, ["margin"], n_seeds=1, n_instances=4)
    assert other.folder != first.folder


def test_an_unfinished_run_goes_on(comparison, tmp_path, monkeypatch):
    from skal.experiment.runs.record import Recorder

    call = Recorder.__call__

    def fail(self, record):
        if record["round"] == 1 and self.folder.path.parent.name == "margin":
            raise OSError(28, "No space left on device")
        call(self, record)

    monkeypatch.setattr(Recorder, "__call__", fail)
    with pytest.raises(ExperimentError, match="No space left on device"):
        compare_tiny(tmp_path)
    monkeypatch.setattr(Recorder, "__call__", call)
    whole = compare_tiny(tmp_path)
    assert queries(whole.folder) == queries(comparison.folder)
    assert "resumes after round 1" in (whole.folder / "margin" / "0" / "log.txt").read_text()


@pytest.mark.parametrize("name", ["stats.csv", "queries.csv", "summary.json", "manifest.json"])
@pytest.mark.parametrize("how", ["flipped", "emptied", "removed"])
def test_damaged_results_are_not_compared(comparison, tmp_path, name, how):
    shutil.copytree(comparison.folder, tmp_path / "copy")
    path = tmp_path / "copy" / "margin" / "1" / name
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content if how == "flipped" else b"")
    if how == "removed":
        path.unlink()
    with pytest.raises(ExperimentError, match=rf"margin/1/{name} (is damaged|has (changed|been))"):
        Comparison.from_folder(tmp_path / "copy", NAMES, [0, 1])


def test_changed_files_that_are_not_compared_are_named(tmp_path, capsys):
    first = compare_tiny(tmp_path, ["margin"], n_seeds=1)
    path = first.folder / "margin" / "0" / "params.json"
    path.write_text("{}")
    compare_tiny(tmp_path, ["margin"], n_seeds=1, verbose=1)
    assert f"{path} has changed since the run finished" in capsys.readouterr().out


def test_two_processes_on_one_comparison(tmp_path, monkeypatch):
    from skal.experiment.comparing import comparison as module

    def play(*args):
        with pytest.raises(FolderBusyError, match="is held by process"):
            compare_tiny(tmp_path)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "_play_all", play)
    with pytest.raises(ExperimentError, match="Input/output error"):
        compare_tiny(tmp_path)


@pytest.mark.slow
def test_backends_give_the_same(comparison, tmp_path):
    from distributed import Client, LocalCluster

    expected = queries(comparison.folder)
    for backend, n_jobs in (("loky", 2), ("threading", 2)):
        with joblib.parallel_config(backend, n_jobs=n_jobs):
            other = compare_tiny(tmp_path / backend, verbose=0)
        assert queries(other.folder) == expected
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        other = compare_tiny(tmp_path / "dask", verbose=0)
    assert queries(other.folder) == expected


def test_wrong_strategies_are_one_line(tmp_path):
    with pytest.raises(ParameterError, match=r"did you mean 'margin'"):
        compare_tiny(tmp_path, ["margn"])
    with pytest.raises(ParameterError, match="strategies: margin is given twice"):
        compare_tiny(tmp_path, ["margin", "MarginSampling"])
    with pytest.raises(ParameterError, match=r"strategy\.k: MarginSampling has no such"):
        compare_tiny(tmp_path, [{"name": "margin", "k": 3}])
    assert list(tmp_path.iterdir()) == []


def test_engines_bring_their_own_settings(tmp_path):
    """Each arm has its own replay and pseudo-labels; the file's engine adds none to the others."""
    old = {"framework_type": "hist_select", "sel_thresholds": [12, 20], "decay_threshold": 0.6}
    schedule = {"name": "schedule", "stages": [[14, "typiclust"], [None, "margin"]]}
    chosen = ["margin", "entropy_pl", "hist_select", schedule]
    comparison = compare_tiny(tmp_path, chosen, n_seeds=1, full_data=False, **old)
    names = [row["strategy"] for row in comparison.table]
    assert names == [
        *("random", "margin", "entropy_pl"),
        *("hist_select(threshold=12)", "hist_select(threshold=20)"),
        "schedule(stages=14-typiclust-margin)",
    ]
    used = {
        name: RunFolder(comparison.folder / name / "0").read_json("params.json") for name in names
    }
    replays = [used[name].get("replay", {}).get("threshold") for name in names]
    assert replays == [None, None, None, 12, 20, None]
    pseudo = [used[name].get("pseudo_labels", {}).get("threshold") for name in names]
    assert pseudo == [None, None, 0.6, None, None, None]
    assert used["entropy_pl"]["strategy"] == {"name": "entropy"}
    assert [row["strategy"] for row in read_csv(comparison.folder / "table.csv")] == names
    trained = [
        int(read_csv(comparison.folder / name / "0" / "stats.csv")[-1]["n_trained"])
        for name in names
    ]
    assert trained[0] == trained[1] == 26 and trained[2] > 26 and trained[3] < 26
    # What is there is not run again, also if the parameters were resolved before.
    params, _ = load_params(TINY | {"budget": 26, "full_data": False, "output_dir": str(tmp_path)})
    again = compare(params, ["margin", schedule])
    assert again.folder == comparison.folder


def test_as_many_seeds_as_can_be_significant(tmp_path, monkeypatch):
    from skal.experiment.comparing import comparison as module

    monkeypatch.setattr(module, "_play_all", lambda folder, plans, reporter: found.extend(plans))
    monkeypatch.setattr(module.Comparison, "from_folder", lambda *arguments: None)
    monkeypatch.setattr(module, "write_report", lambda *arguments: None)
    for strategies, n_seeds in ((["margin"], 6), (["margin", "entropy"], 7), (None, 8)):
        found = []
        compare(TINY | {"output_dir": str(tmp_path)}, strategies)
        assert sorted({plan.params.random_seed for plan in found}) == list(range(n_seeds))
        assert len(found) == n_seeds * len({plan.name for plan in found})


def made_up(areas):
    """Return curves of two rounds, whose areas are given for each strategy and seed."""
    n_labels = np.array([10.0, 20.0])
    return {
        name: {seed: (n_labels, np.array([area, area])) for seed, area in enumerate(values)}
        for name, values in areas.items()
    }


def no_time(curves):
    return {name: dict.fromkeys(seeds, (1.0, 2.0)) for name, seeds in curves.items()}


def test_figures_by_hand():
    n_labels = np.array([10.0, 20.0, 40.0])
    curves = {
        "random": {0: (n_labels, np.array([0.2, 0.4, 0.8]))},
        "a": {0: (n_labels, np.array([0.4, 0.8, 0.9]))},
        "b": {0: (n_labels[:2], np.array([0.4, 0.8]))},
    }
    random, a, b = figures_of_runs(curves, {0: 0.8}, no_time(curves))
    # All areas end at 20 labels, where b has stopped.
    assert [run["area"] for run in (random, a, b)] == pytest.approx([0.3, 0.6, 0.6])
    assert random["labels_95"] == pytest.approx(20 + 20 * (0.76 - 0.4) / 0.4)
    assert a["labels_95"] == pytest.approx(10 + 10 * (0.76 - 0.4) / 0.4)
    assert a["saving_95"] == pytest.approx(1 - a["labels_95"] / random["labels_95"])
    assert (random["saving_95"], random["accuracy"], a["seconds_fit"]) == (0, 0.8, 2.0)
    for run in figures_of_runs(curves, {}, no_time(curves)):
        assert np.isnan([run["labels_95"], run["labels_99"], run["saving_95"]]).all()


def test_a_target_that_not_all_seeds_reach_has_no_mean():
    curves = made_up({"random": [0.5, 0.5], "a": [0.9, 0.5]})
    table = summarize(figures_of_runs(curves, {0: 0.8, 1: 0.8}, no_time(curves)))
    assert np.isnan([row["labels_95"] for row in table]).all()
    assert [row["labels_95_n"] for row in table] == [0, 1]
    # The slow seed counts with the 20 labels that it used.
    assert [row["labels_95_at_least"] for row in table] == [20, 15]
    assert "&ge; 15<small>1 of 2 seeds</small>" in _cell(table[1], "labels_95")
    reached = summarize(figures_of_runs(curves, {0: 0.5, 1: 0.5}, no_time(curves)))
    assert np.isnan([row["labels_95_at_least"] for row in reached]).all()
    aimless = summarize(figures_of_runs(curves, {}, no_time(curves)))
    assert np.isnan([row["labels_95_at_least"] for row in aimless]).all()
    assert _cell(aimless[1], "labels_95") == "&mdash;"
    assert table[1]["accuracy"] == pytest.approx(0.7)


def test_summary_against_scipy():
    rng = np.random.RandomState(0)
    areas = {name: rng.uniform(0.5, 0.9, size=9) for name in ("random", "a", "b", "c")}
    areas["a"] = areas["random"] + rng.uniform(0.01, 0.1, size=9)
    curves = made_up(areas)
    table = {
        row["strategy"]: row for row in summarize(figures_of_runs(curves, {}, no_time(curves)))
    }
    p_values = {
        name: stats.wilcoxon(areas[name], areas["random"]).pvalue for name in ("a", "b", "c")
    }
    for name, p in p_values.items():
        assert table[name]["p_value"] == pytest.approx(p)
        assert table[name]["gain"] == pytest.approx(np.mean(areas[name] - areas["random"]))
        low, high = stats.bootstrap(
            (areas[name],), np.mean, method="percentile", rng=np.random.default_rng(0)
        ).confidence_interval
        assert table[name]["area_low"] == pytest.approx(low, abs=0.005)
        assert table[name]["area_high"] == pytest.approx(high, abs=0.005)
    ordered = sorted(p_values, key=p_values.get)
    expected, largest = {}, 0.0
    for i, name in enumerate(ordered):
        largest = max(largest, min(1.0, (3 - i) * p_values[name]))
        expected[name] = largest
    for name, p in expected.items():
        assert table[name]["p_holm"] == pytest.approx(p)
    assert np.isnan(table["random"]["p_holm"])
    said = " ".join(findings(list(table.values())))
    assert "Significantly better than random (p ≤ 0.05): a." in said
    assert "needs at least" not in said


@pytest.mark.parametrize("n_others", [1, 3, 7])
def test_seeds_needed(n_others):
    """As many seeds as the report asks for can show a difference; one fewer cannot."""

    def smallest_p(n_seeds):
        areas = {"random": np.linspace(0.4, 0.5, n_seeds)}
        for i in range(n_others):
            areas[f"s{i}"] = areas["random"] + 0.1 + 0.01 * np.arange(n_seeds)
        curves = made_up(areas)
        table = summarize(figures_of_runs(curves, {}, no_time(curves)))
        said = " ".join(findings(table))
        return min(row["p_holm"] for row in table if row["strategy"] != "random"), said

    needed = next(n for n in range(3, 20) if smallest_p(n)[0] <= 0.05)
    assert "needs at least" not in smallest_p(needed)[1]
    assert f"needs at least {needed} seeds" in smallest_p(needed - 1)[1]


def test_training_noise_by_hand():
    assert training_noise([(0.9, 0.8), (0.7, 0.7)]) == pytest.approx(0.05)
    assert np.isnan(training_noise([]))
    pairs = np.random.RandomState(0).normal(0.8, 0.03, size=(5000, 2))
    assert training_noise(pairs) == pytest.approx(0.03, rel=0.05)


def test_noise_of_training_beside_noise_of_seeds(comparison, capsys):
    summaries = {
        name: [json.loads((comparison.folder / name / seed / "summary.json").read_text())
               for seed in "01"]
        for name in NAMES
    }  # fmt: skip
    assert all(summary["full_data_again"] is None for summary in summaries["margin"])
    pairs = [
        [summary[key]["accuracy"] for key in ("full_data", "full_data_again")]
        for summary in summaries["random"]
    ]
    assert comparison.training_noise == training_noise(pairs)
    final = [summary["accuracy"] for summary in summaries["random"]]
    assert comparison.seed_noise == pytest.approx(np.std(final, ddof=1))
    report = (comparison.folder / "report.html").read_text()
    assert f"standard deviation of {comparison.training_noise:.4f}" in report
    assert f"final accuracy has a standard deviation of {comparison.seed_noise:.4f}" in report
    show_comparison(comparison)
    assert f"{comparison.training_noise:.4f}. Noise of seeds" in capsys.readouterr().out


def test_one_seed_has_no_interval():
    curves = made_up({"random": [0.5], "a": [0.4]})
    said = " ".join(findings(summarize(figures_of_runs(curves, {}, no_time(curves)))))
    assert "nan" not in said
    assert "a has the largest area: 0.400, which is 0.100 below random's." in said
    assert "With 1 seed no difference" in said


def test_permuted_labels_show_no_strategy_better(tmp_path, monkeypatch):
    """A control: where labels mean nothing, no strategy is found better than random."""
    from skal.experiment.runs import plan as module

    load = module.load_data

    def load_permuted(params):
        data = load(params)
        data.y = data.y[np.random.RandomState(0).permutation(len(data.y))]
        return data

    monkeypatch.setattr(module, "load_data", load_permuted)
    control = compare_tiny(tmp_path, ["margin", "entropy"], n_seeds=8, full_data=False, verbose=0)
    assert min(row["p_holm"] for row in control.table[1:]) > 0.05
    assert not any("ly better" in line for line in findings(control.table))


def test_repeated_runs_count_once(comparison, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(comparison.folder, folder)
    shutil.rmtree(folder / "margin" / "1")
    shutil.copytree(folder / "margin" / "0", folder / "margin" / "1")
    again = Comparison.from_folder(folder, NAMES, [0, 1])
    assert again.duplicates == {folder / "margin" / "1": folder / "margin" / "0"}
    assert [row["n_seeds"] for row in again.table] == [2, 1, 2]


def test_display(comparison):
    displays = BudgetCurveDisplay.from_compare(comparison)
    assert [display.name for display in displays] == NAMES
    for display, name in zip(displays, NAMES, strict=True):
        curves = np.array([values for _, values in comparison.budget_curves()[name]])
        np.testing.assert_allclose(display.line_.get_ydata(), curves.mean(axis=0))
        np.testing.assert_array_equal(display.line_.get_xdata(), [10, 18, 26])
        assert (display.band[0] <= display.values).all()
        assert (display.band[1] >= display.values).all()
        assert display.ax_ is displays[0].ax_
    assert displays[-1].full_data_line_.get_ydata()[0] == comparison.full_data_mean()
    labels = [text.get_text() for text in displays[0].ax_.get_legend().get_texts()]
    assert labels == [*NAMES, "all labels"]
    with_f1 = BudgetCurveDisplay.from_compare(comparison, metric="f1")
    assert with_f1[0].ax_.get_ylabel() == "macro F1"
    mpl.pyplot.close("all")


def test_from_the_command_line(tmp_path):
    raw = TINY | {"output_dir": "here", "full_data": False}
    (tmp_path / "tiny.json").write_text(json.dumps(raw | {"verbose": 1}))
    words = ["compare", "tiny.json", "--strategies", "margin", "--n_seeds", "1", "--budget", "18"]
    done = subprocess.run(
        [sys.executable, "-m", "skal", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2 runs to do" in done.stdout
    assert "needs at least 6 seeds" in done.stdout
    assert "the first run took" in done.stdout
    assert "nan" not in done.stdout
    (report,) = (tmp_path / "here").rglob("report.html")
    assert f"report: {report.relative_to(tmp_path)}" in done.stdout


def test_one_run_of_a_comparison_is_a_run_folder(comparison):
    folder = RunFolder(comparison.folder / "margin" / "0")
    assert folder.is_finished
    assert folder.read_json("params.json")["strategy"] == {"name": "margin"}
    with open(folder.path / "queries.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 26
