"""Statistics of compared runs, from arrays: areas, labels needed, intervals, and tests."""

import math

import numpy as np

from skal.metrics import (
    area_under_budget_curve,
    bootstrap_interval,
    holm_correction,
    label_saving,
    labels_to_reach,
    paired_test,
)

__all__ = ["FIGURES", "LEVEL", "figures_of_runs", "seeds_needed", "summarize", "training_noise"]

# Significance level.
LEVEL = 0.05

# The figures of a run, and their names in tables.
FIGURES = {
    "area": "area under the budget curve",
    "accuracy": "final accuracy",
    "recall_rarest": "recall of the rarest class, mean over the campaign",
    "labels_95": "labels to 95% of full-data accuracy",
    "labels_99": "labels to 99% of full-data accuracy",
    "saving_95": "label saving over random at 95%",
    "saving_99": "label saving over random at 99%",
    "seconds_query": "seconds choosing",
    "seconds_fit": "seconds training",
}


def figures_of_runs(curves, targets, seconds, rarest=None):
    """Return strategy, seed, labels, target, and the `FIGURES` of each run."""
    # `curves` has budget curves by strategy (including random) and seed, `targets` the accuracy
    # with all labels by seed, `rarest` curves of the recall of the rarest class, if it was
    # measured. All areas end at the number of labels that every run reached. NaN: the target or
    # the recall is missing, or the target is not reached.
    end = min(curve[0][-1] for seeds in curves.values() for curve in seeds.values())
    runs = []
    for name, seeds in curves.items():
        for seed, curve in seeds.items():
            run = {"strategy": name, "seed": seed, "labels": float(curve[0][-1])}
            run["target"] = targets.get(seed, np.nan)
            run["area"] = area_under_budget_curve(*_cut(curve, end))
            run["recall_rarest"] = np.nan
            if rarest is not None:
                run["recall_rarest"] = area_under_budget_curve(*_cut(rarest[name][seed], end))
            for percent in (95, 99):
                target = run["target"] * percent / 100
                run[f"labels_{percent}"] = labels_to_reach(*curve, target)
                run[f"saving_{percent}"] = np.nan
                if seed in curves["random"]:
                    saving = label_saving(curve, curves["random"][seed], target)
                    run[f"saving_{percent}"] = saving
            run["accuracy"] = float(curve[1][-1])
            run["seconds_query"], run["seconds_fit"] = seconds[name][seed]
            runs.append(run)
    return runs


def summarize(runs):
    """Return a row for each strategy: its figures over the seeds and a test against random."""
    # Each of `FIGURES` has a mean, ``*_low`` and ``*_high`` (95% bootstrap interval) and ``*_n``
    # (number of seeds that have it). If some seeds miss a target, the mean is NaN, because it
    # would leave out the slowest seeds. ``*_at_least`` is a lower bound: the mean if those seeds
    # had reached it with the labels they used. ``gain`` is the difference in area from random,
    # paired by seed, with its interval; ``p_value`` is that of Wilcoxon's signed-rank test of the
    # areas, ``p_holm`` corrected for the number of strategies.
    names = list(dict.fromkeys(run["strategy"] for run in runs))
    areas = {name: {r["seed"]: r["area"] for r in runs if r["strategy"] == name} for name in names}
    table = []
    for name in names:
        own = [run for run in runs if run["strategy"] == name]
        row = {"strategy": name, "n_seeds": len(own)}
        for figure in FIGURES:
            row |= _interval(figure, [run[figure] for run in own])
        for figure in ("labels_95", "labels_99"):
            row[f"{figure}_at_least"] = _at_least(figure, own)
        shared = [seed for seed in areas[name] if seed in areas["random"]]
        pairs = [(areas[name][seed], areas["random"][seed]) for seed in shared]
        tested = name != "random" and len(pairs) > 0
        row |= _interval("gain", [a - b for a, b in pairs] if tested else [])
        row["p_value"] = paired_test(*zip(*pairs, strict=True)) if tested else np.nan
        table.append(row)
    for row, p in zip(table, holm_correction([row["p_value"] for row in table]), strict=True):
        row["p_holm"] = float(p)
    return table


def seeds_needed(n_tests):
    """Return the fewest seeds for which a Holm-corrected test can be significant."""
    # With n pairs, Wilcoxon's p is never below 2 / 2 ** n, and Holm multiplies the smallest p by
    # the number of tests.
    return math.ceil(math.log2(2 * max(1, n_tests) / LEVEL))


def training_noise(pairs):
    """Return the standard deviation over trainings on the same rows, from two of each seed."""
    # The variance of a difference is twice that of each. NaN: no seed has two trainings.
    differences = np.array([first - second for first, second in pairs])
    return float(np.sqrt(np.mean(differences**2) / 2)) if len(pairs) else np.nan


def _interval(figure, values):
    values = np.array(values, dtype=float)
    n_known = int(np.count_nonzero(~np.isnan(values)))
    mean = low = high = np.nan
    if n_known == len(values) > 0:
        mean, (low, high) = float(values.mean()), bootstrap_interval(values, random_state=0)
    return {figure: mean, f"{figure}_low": low, f"{figure}_high": high, f"{figure}_n": n_known}


def _at_least(figure, runs):
    """Return a lower bound of the mean if some runs miss their target, else NaN."""
    aimed = [run for run in runs if not math.isnan(run["target"])]
    if not any(math.isnan(run[figure]) for run in aimed):
        return np.nan
    return float(np.mean([np.nan_to_num(run[figure], nan=run["labels"]) for run in aimed]))


def _cut(curve, end):
    """Cut a curve at a number of labels, interpolating its end."""
    n_labels, values = curve
    inside = n_labels < end
    last = np.interp(end, n_labels, values)
    return np.append(n_labels[inside], end), np.append(values[inside], last)
