"""What a comparison of strategies shows: curves, figures with intervals, tests."""

from pathlib import Path

import numpy as np

from skal.experiment.folder import RunFolder
from skal.experiment.manifest import find_duplicates
from skal.metrics import (
    area_under_budget_curve,
    bootstrap_interval,
    holm_correction,
    label_saving,
    labels_to_reach,
    paired_test,
)

__all__ = ["FIGURES", "Comparison", "figures_of_runs", "summarize"]

# What is computed for each run, and what it is called for people.
FIGURES = {
    "area": "area under the budget curve",
    "labels_95": "labels to 95 % of full-data accuracy",
    "labels_99": "labels to 99 % of full-data accuracy",
    "saving_95": "label saving over random at 95 %",
    "saving_99": "label saving over random at 99 %",
    "accuracy": "final accuracy",
    "seconds_query": "seconds choosing",
    "seconds_fit": "seconds training",
}

_COLUMNS = {"accuracy": "eval_acc", "precision": "eval_pre", "recall": "eval_recall"}


class Comparison:
    """Runs of several strategies with the same seeds.

    Parameters
    ----------
    folder : Path
        Where they are.
    stats : dict of str to dict of int to list of dict
        Rows of stats.csv for each strategy and seed, as numbers.
    full_data : dict of int to dict
        Metrics of a model trained on all labels, for each seed; empty where none was.
    duplicates : dict of Path to Path
        Runs that repeat another one of their strategy, which are left out of `stats`.

    Attributes
    ----------
    runs : list of dict
        The figures of each run: strategy, seed, and the keys of `FIGURES`.
    table : list of dict
        A row for each strategy; see `summarize`.
    """

    def __init__(self, folder, stats, full_data, duplicates):
        self.folder = folder
        self.stats = stats
        self.full_data = full_data
        self.duplicates = duplicates
        targets = {seed: metrics["accuracy"] for seed, metrics in full_data.items()}
        self.runs = figures_of_runs(self._curves("accuracy"), targets, self._seconds())
        self.table = summarize(self.runs)

    @classmethod
    def from_folder(cls, folder, names, seeds):
        """Read the runs of a comparison.

        Parameters
        ----------
        folder : path-like
            Its folder.
        names : list of str
            Strategies.
        seeds : list of int
            Seeds.

        Returns
        -------
        Comparison
        """
        folder, stats, full_data, duplicates = Path(folder), {}, {}, {}
        for name in names:
            paths = [folder / name / str(seed) for seed in seeds]
            twins = find_duplicates(paths)
            duplicates |= twins
            stats[name] = {
                seed: [_as_numbers(row) for row in RunFolder(path).read_csv("stats.csv")]
                for seed, path in zip(seeds, paths, strict=True)
                if path not in twins
            }
        for seed in stats["random"]:
            full = RunFolder(folder / "random" / str(seed)).read_json("summary.json")["full_data"]
            if full is not None:
                full_data[seed] = full
        return cls(folder, stats, full_data, duplicates)

    def budget_curves(self, metric="accuracy"):
        """Return the budget curves.

        Parameters
        ----------
        metric : {"accuracy", "precision", "recall", "f1"}, default="accuracy"
            What was measured on the test data.

        Returns
        -------
        dict of str to list of tuple (n_labels, values)
            A curve for each seed of each strategy.
        """
        return {name: list(curves.values()) for name, curves in self._curves(metric).items()}

    def full_data_mean(self, metric="accuracy"):
        """Return what a model trained on all labels reaches, on average over the seeds.

        Parameters
        ----------
        metric : {"accuracy", "precision", "recall", "f1"}, default="accuracy"
            What was measured on the test data.

        Returns
        -------
        float or None
            None where no such model was trained.
        """
        values = [metrics[metric] for metrics in self.full_data.values()]
        return float(np.mean(values)) if values else None

    def _curves(self, metric):
        column = _COLUMNS.get(metric, f"eval_{metric}")
        return {
            name: {
                seed: (
                    np.array([row["num_total_labeled"] for row in rows]),
                    np.array([row[column] for row in rows]),
                )
                for seed, rows in seeds.items()
            }
            for name, seeds in self.stats.items()
        }

    def _seconds(self):
        return {
            name: {
                seed: [sum(row[key] for row in rows) for key in ("seconds_query", "seconds_fit")]
                for seed, rows in seeds.items()
            }
            for name, seeds in self.stats.items()
        }


def figures_of_runs(curves, targets, seconds):
    """Compute the figures of each run.

    Parameters
    ----------
    curves : dict of str to dict of int to tuple (n_labels, values)
        Budget curve for each strategy and seed; "random" is among them.
    targets : dict of int to float
        Accuracy with all labels for each seed; may be empty.
    seconds : dict of str to dict of int to (float, float)
        Seconds choosing and training.

    Returns
    -------
    list of dict
        Strategy, seed and the keys of `FIGURES`. All areas are over the labels that every
        run has spent. NaN where a target is not reached, or there is none.
    """
    end = min(curve[0][-1] for seeds in curves.values() for curve in seeds.values())
    runs = []
    for name, seeds in curves.items():
        for seed, curve in seeds.items():
            run = {
                "strategy": name,
                "seed": seed,
                "area": area_under_budget_curve(*_cut(curve, end)),
            }
            for percent in (95, 99):
                target = targets.get(seed, np.nan) * percent / 100
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
    """Summarize runs over their seeds, and test each strategy against random.

    Parameters
    ----------
    runs : list of dict
        From `figures_of_runs`.

    Returns
    -------
    list of dict
        For each strategy: ``strategy``, ``n_seeds``, then for each of `FIGURES` its mean,
        ``*_low`` and ``*_high`` (95 % bootstrap interval) and ``*_n`` (how many seeds have it:
        unless all do, the mean is NaN, as those that reach a target late would be missing in
        it); ``gain`` (of area over random, paired by seed, with interval),
        ``p_value`` (Wilcoxon's signed-rank test of the areas against random) and ``p_holm``
        (corrected for the number of strategies).
    """
    names = list(dict.fromkeys(run["strategy"] for run in runs))
    areas = {name: {r["seed"]: r["area"] for r in runs if r["strategy"] == name} for name in names}
    table = []
    for name in names:
        own = [run for run in runs if run["strategy"] == name]
        row = {"strategy": name, "n_seeds": len(own)}
        for figure in FIGURES:
            row |= _interval(figure, [run[figure] for run in own])
        shared = [seed for seed in areas[name] if seed in areas["random"]]
        pairs = [(areas[name][seed], areas["random"][seed]) for seed in shared]
        tested = name != "random" and len(pairs) > 0
        row |= _interval("gain", [a - b for a, b in pairs] if tested else [])
        row["p_value"] = paired_test(*zip(*pairs, strict=True)) if tested else np.nan
        table.append(row)
    for row, p in zip(table, holm_correction([row["p_value"] for row in table]), strict=True):
        row["p_holm"] = float(p)
    return table


def _interval(figure, values):
    values = np.array(values, dtype=float)
    n_known = int(np.count_nonzero(~np.isnan(values)))
    mean = low = high = np.nan
    if n_known == len(values) > 0:
        mean, (low, high) = float(values.mean()), bootstrap_interval(values, random_state=0)
    return {figure: mean, f"{figure}_low": low, f"{figure}_high": high, f"{figure}_n": n_known}


def _cut(curve, end):
    """Return a curve up to a number of labels, interpolated there."""
    n_labels, values = curve
    inside = n_labels < end
    last = np.interp(end, n_labels, values)
    return np.append(n_labels[inside], end), np.append(values[inside], last)


def _as_numbers(row):
    return {key: float(value) if value != "" else np.nan for key, value in row.items()}
