"""What a run costs beyond its trainings: skal run beside a bare loop over the same labels.

The run loads data and features, trains, chooses, evaluates, saves every round and draws its
curve. The loop trains the same classifier on the labels that the run asked for, and predicts for
pool and test data after each training, nothing else.

    python benchmarks/bench_overhead.py --data-home DATA/fsdd
    python benchmarks/bench_overhead.py --data-home DATA/fsdd --budget 200
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone

from skal.experiment.params.parameters import load_params
from skal.experiment.runs.data import load_data
from skal.experiment.runs.plan import build_parts
from skal.experiment.runs.run import run_experiment
from skal.experiment.runs.splits import split_data

SEED = 0


def bare_loop(model, X, y, batches, pool, test):
    """Train on growing labels; return the accuracies."""
    scores, labeled = [], []
    for batch in batches:
        labeled += batch
        model.fit(X[labeled], y[labeled])
        model.predict_proba(X[np.setdiff1d(pool, labeled)])
        scores.append((model.predict(X[test]) == y[test]).mean())
    return scores


def read_batches(path):
    """Read which positions were asked for in each round."""
    with open(path / "queries.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rounds = sorted({int(row["round"]) for row in rows})
    return [[int(r["position"]) for r in rows if int(r["round"]) == k] for k in rounds]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True, help="folder with recordings/")
    parser.add_argument("--budget", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        values = {
            "dataset": "fsdd",
            "data_home": options.data_home,
            "n_initial": 50,
            "n_instances": 50,
            "budget": options.budget,
            "full_data": False,
            "verbose": 0,
            "random_seed": SEED,
            "output_dir": str(Path(folder, "outputs")),
            "feature_store": str(Path(folder, "store")),
        }
        params, _ = load_params(values)
        data, parts = load_data(params), build_parts(params)
        split = split_data(data, params, SEED)
        from skal.audio import FeatureCache

        # Computed beforehand, so that both sides begin with the features.
        cache = FeatureCache(clone(parts.transformer), values["feature_store"])
        X = np.array(cache.fit_transform(data.clips))
        model = clone(parts.model).set_params(steps=5, random_state=0)
        model.fit(X[split.train[:40]], data.y[split.train[:40]])  # TensorFlow is warm
        start = time.perf_counter()
        (path,) = run_experiment(params)
        ours = time.perf_counter() - start
        batches = read_batches(path)
        start = time.perf_counter()
        fresh = clone(parts.model).set_params(random_state=0)
        scores = bare_loop(fresh, X, data.y, batches, split.train, split.test)
        bare = time.perf_counter() - start
        with open(path / "stats.csv", encoding="utf-8", newline="") as file:
            theirs = [float(row["eval_acc"]) for row in csv.DictReader(file)]
        # The same labels, other seeds of the weights: alike, not equal.
        assert abs(np.mean(scores) - np.mean(theirs)) < 0.05, (scores, theirs)
        print(
            f"{len(batches)} trainings, {sum(map(len, batches))} labels: run {ours:.1f} s, "
            f"bare loop {bare:.1f} s, {100 * (ours / bare - 1):+.1f} %"
        )


if __name__ == "__main__":
    main()
