"""Labels that strategies save on real recordings: the Free Spoken Digit Dataset.

Every strategy runs campaigns with the same seeds, hence from the same first labels, and is
compared with random choice in pairs. The table has, for each, the area under the budget curve
(the mean accuracy over the campaign, in percent), the part of it up to 100 labels, the difference
from random with its 95 % bootstrap interval, Wilcoxon's p-value after Holm's correction for the
number of strategies, and the labels at which the mean curve reaches 95 % of the accuracy with all
labels.

    python benchmarks/bench_saving.py --data-home DATA/fsdd
    python benchmarks/bench_saving.py --data-home DATA/fsdd --model bagging
    python benchmarks/bench_saving.py --data-home DATA/fsdd --rare
    python benchmarks/bench_saving.py --data-home DATA/fsdd --copies 5
    python benchmarks/bench_saving.py --data-home DATA/fsdd --model cnn --seeds 5

Models: "logistic" (logistic regression) and "bagging" (ten of them, for strategies that compare
members of an ensemble) on 50 principal components of time-normalized MFCC, which are fitted on
the pool without labels; "cnn" (CNNClassifier) on log-mel spectrograms.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from bench_recipe import normalized_mfcc
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier, strategies
from skal.audio import LogMelSpectrogram
from skal.datasets import load_fsdd
from skal.metrics import (
    area_under_budget_curve,
    bootstrap_interval,
    budget_curve,
    holm_correction,
    labels_to_reach,
    paired_test,
)

# Labels up to which a budget counts as low.
LOW = 100


def anything():
    """Make the strategies that need probabilities and an embedding at most."""
    margin = strategies.MarginSampling()
    return {
        "random": {"strategy": strategies.RandomSampling()},
        "least confidence": {"strategy": strategies.LeastConfidenceSampling()},
        "margin": {"strategy": margin},
        "entropy": {"strategy": strategies.EntropySampling()},
        "EGL, last layer": {"strategy": strategies.ExpectedGradientLength()},
        "ECG": {"strategy": strategies.ExpectedChangeOfGradient()},
        "BADGE": {"strategy": strategies.BADGE()},
        "CoreSet": {"strategy": strategies.CoreSet()},
        "TypiClust": {"strategy": strategies.TypiClust()},
        "ProbCover": {"strategy": strategies.ProbCover()},
        "density peaks": {"strategy": strategies.DensityPeaksSampling()},
        "EDPC": {"strategy": strategies.EntropyDensityPeaks()},
        "DiverseBatch(margin)": {"strategy": strategies.DiverseBatch(margin)},
        "margin, then CoreSet": {"strategy": strategies.Prefilter(margin, strategies.CoreSet())},
        "TypiClust to 100, margin": {
            "strategy": strategies.Schedule([(LOW, strategies.TypiClust()), (None, margin)])
        },
        "NeighborPool(margin)": {"strategy": strategies.NeighborPool(margin)},
        "SubsamplePool(margin)": {"strategy": strategies.SubsamplePool(margin, size=500)},
        "first CoreSet, margin": {
            "strategy": margin,
            "initial_strategy": strategies.CoreSet(),
        },
        "first TypiClust, margin": {
            "strategy": margin,
            "initial_strategy": strategies.TypiClust(),
        },
        "first ProbCover, margin": {
            "strategy": margin,
            "initial_strategy": strategies.ProbCover(n_clusters=10),
        },
    }


def ensembles():
    """Make the strategies that compare members of an ensemble, or dropout passes."""
    return {
        "random": {"strategy": strategies.RandomSampling()},
        "margin": {"strategy": strategies.MarginSampling()},
        "BALD": {"strategy": strategies.BALD()},
        "PowerBALD": {"strategy": strategies.PowerBALD()},
        "BatchBALD": {"strategy": strategies.BatchBALD(n_samples=20)},
        "QBC, vote entropy": {"strategy": strategies.QueryByCommittee()},
        "QBC, consensus entropy": {"strategy": strategies.QueryByCommittee("consensus_entropy")},
        "QBC, max disagreement": {"strategy": strategies.QueryByCommittee("max_disagreement")},
    }


def networks():
    """Make all strategies; those of several passes over the pool and some others need a CNN."""
    return {
        **anything(),
        **ensembles(),
        "EGL, all layers": {"strategy": strategies.ExpectedGradientLength(layers="all")},
        "augmentation": {"strategy": strategies.AugmentationDisagreement()},
    }


def make_model(name):
    """Make a classifier and the strategies that it can serve."""
    logistic = LogisticRegression(C=0.1, max_iter=1000)
    if name == "logistic":
        return logistic, anything()
    if name == "bagging":
        return BaggingClassifier(logistic, n_estimators=10, random_state=0), ensembles()
    from skal.models import CNNClassifier

    return CNNClassifier(), networks()


def read_features(data, model, n_jobs):
    """Compute what a model takes of every recording."""
    if model == "cnn":
        mel = LogMelSpectrogram(sr=8000, n_fft=512, hop_length=200, duration=1.0, n_jobs=n_jobs)
        return mel.fit_transform(data.paths)
    rows = Parallel(n_jobs=n_jobs)(delayed(normalized_mfcc)(path) for path in data.paths)
    return np.stack(rows)


def cached_features(data, options):
    """Read the features from the file of ``--cache``, where they are there already."""
    if options.cache and Path(options.cache).exists():
        return np.load(options.cache)
    X = read_features(data, options.model, options.jobs)
    if options.cache:
        np.save(options.cache, X)
    return X


def prepare(options):
    """Return the pool, its labels and groups, and the test set."""
    data = load_fsdd(options.data_home)
    X, y = cached_features(data, options), data.target
    test = data.split == "test"
    if options.split == "speakers":
        test = np.isin(data.groups, ["theo", "nicolas"])
    pool = np.flatnonzero(~test)
    rng = np.random.RandomState(0)
    if options.rare:
        pool = pool[(y[pool] < 5) | (rng.uniform(size=len(pool)) < 0.1)]
    if options.model != "cnn":
        X = make_pipeline(StandardScaler(), PCA(50, random_state=0)).fit(X[pool]).transform(X)
    groups = np.repeat(pool, options.copies)
    X_pool = X[groups]
    if options.copies > 1:
        X_pool = X_pool + 0.1 * X[pool].std(axis=0) * rng.standard_normal(X_pool.shape)
    return X_pool, y[groups], groups, X[test], y[test]


def run(model, row, seed, data, options):
    """Run one campaign; return its curve and the mean time of a query in s."""
    X, y, groups, X_test, y_test = data
    model = clone(model)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    campaign = ActiveLearningClassifier(
        model,
        clone(row["strategy"]),
        initial_strategy=row.get("initial_strategy"),
        n_initial=options.initial,
        n_instances=options.batch,
        budget=options.budget,
        random_state=seed,
    ).fit(X, y, eval_set=(X_test, y_test), groups=groups)
    seconds = [record["seconds_query"] for record in campaign.history_[1:]]
    return *budget_curve(campaign.history_), float(np.mean(seconds))


def summarize(runs, target):
    """Turn the curves of all seeds into the figures of one row."""
    n_labels = runs[0][0]
    curves = 100 * np.array([values for _, values, _ in runs])
    low = n_labels <= max(LOW, n_labels[1])
    return {
        "area": [area_under_budget_curve(n_labels, curve) for curve in curves],
        "low": [area_under_budget_curve(n_labels[low], curve[low]) for curve in curves],
        "last": curves[:, -1].mean(),
        "reach": labels_to_reach(n_labels, curves.mean(axis=0), 100 * target),
        "seconds": np.mean([seconds for _, _, seconds in runs]),
    }


def compare(rows, key):
    """Compare every row with random: mean difference, interval, corrected p-value."""
    reference = np.array(rows["random"][key])
    others = [name for name in rows if name != "random"]
    p_values = [paired_test(rows[name][key], reference) for name in others]
    result = {}
    for name, p_value in zip(others, holm_correction(p_values), strict=True):
        difference = np.array(rows[name][key]) - reference
        result[name] = difference.mean(), *bootstrap_interval(difference, random_state=0), p_value
    return result


def print_table(rows):
    """Print one row for each strategy, the largest area first."""
    whole, low = compare(rows, "area"), compare(rows, "low")
    print(
        f"{'strategy':26}{'area':>6}{'- random':>10}{'95 %':>16}{'p':>8}"
        f"{f'to {LOW}':>8}{'- random':>10}{'95 %':>16}{'p':>8}{'last':>7}{'reach':>7}{'ms':>7}"
    )
    for name in sorted(rows, key=lambda name: -np.mean(rows[name]["area"])):
        row, cells = rows[name], []
        for key, table in (("area", whole), ("low", low)):
            text = f"{np.mean(row[key]):{6 if key == 'area' else 8}.1f}"
            if name == "random":
                cells.append(text + " " * 34)
                continue
            mean, lowest, highest, p_value = table[name]
            interval = f"[{lowest:+.1f}, {highest:+.1f}]"
            cells.append(f"{text}{mean:+10.1f}{interval:>16}{p_value:8.4f}")
        reach = "-" if np.isnan(row["reach"]) else f"{row['reach']:.0f}"
        milliseconds = 1000 * row["seconds"]
        print(f"{name:26}{''.join(cells)}{row['last']:7.1f}{reach:>7}{milliseconds:7.0f}")


def parse():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True, help="folder with recordings/")
    parser.add_argument("--model", choices=["logistic", "bagging", "cnn"], default="logistic")
    parser.add_argument("--split", choices=["official", "speakers"], default="official")
    parser.add_argument("--rare", action="store_true", help="keep a tenth of the digits 5 to 9")
    parser.add_argument("--copies", type=int, default=1, help="near-duplicates of each recording")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds")
    parser.add_argument("--initial", type=int, default=20, help="labels before the first round")
    parser.add_argument("--batch", type=int, default=20, help="labels in a round")
    parser.add_argument("--budget", type=int, default=400, help="labels in all")
    parser.add_argument("--strategies", nargs="+", help="rows of the table; random is always in")
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at a time")
    parser.add_argument("--cache", help="file (.npy) to keep the features in")
    return parser.parse_args()


def main():
    """Measure and print."""
    options = parse()
    model, rows = make_model(options.model)
    if options.copies > 1:
        margin = strategies.MarginSampling()
        rows["MaxPerGroup(margin)"] = {"strategy": strategies.MaxPerGroup(margin)}
    if options.strategies:
        unknown = set(options.strategies) - set(rows)
        if unknown:
            raise SystemExit(f"no rows {sorted(unknown)}; there are {', '.join(rows)}")
        rows = {name: rows[name] for name in dict.fromkeys(["random", *options.strategies])}
    data = prepare(options)
    full = clone(model).fit(data[0], data[1]).score(data[3], data[4])
    print(
        f"{options.model}, {options.split} split: {len(data[0])} rows to choose from, "
        f"{len(data[3])} to test on; accuracy with all labels {100 * full:.1f} %; "
        f"{options.seeds} seeds, {options.initial} + {options.batch} a round to {options.budget}",
        flush=True,
    )
    start = time.perf_counter()
    jobs = [(name, seed) for name in rows for seed in range(options.seeds)]
    done = Parallel(n_jobs=options.jobs)(
        delayed(run)(model, rows[name], seed, data, options) for name, seed in jobs
    )
    table = {
        name: summarize(
            [d for d, job in zip(done, jobs, strict=True) if job[0] == name], 0.95 * full
        )
        for name in rows
    }
    print_table(table)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
