"""Labels that strategies save on real recordings: spoken digits (FSDD) or sounds (ESC-10).

Every strategy runs campaigns with the same seeds, hence from the same first labels, and is
compared with random choice in pairs. The table has, for each, the area under the budget curve
(the mean accuracy over the campaign, in percent), the part of it up to 100 labels, the difference
from random with its 95 % bootstrap interval, Wilcoxon's p-value after Holm's correction for the
number of strategies, and the labels at which the mean curve reaches 95 % of the accuracy with all
labels. A second table has the mean accuracy at some numbers of labels.

    python benchmarks/bench_saving.py --data-home DATA/fsdd
    python benchmarks/bench_saving.py --data-home DATA/fsdd --model bagging
    python benchmarks/bench_saving.py --data-home DATA/fsdd --rare
    python benchmarks/bench_saving.py --data-home DATA/fsdd --copies 5
    python benchmarks/bench_saving.py --data-home DATA/fsdd --model cnn --seeds 5
    python benchmarks/bench_saving.py --data-home DATA/esc10 --data-set esc10 \\
        --initial 10 --batch 10 --budget 100 [--features statistics | --embedding ROWS.npy]

Models: "logistic" (logistic regression) and "bagging" (ten of them, for strategies that compare
members of an ensemble) on 50 principal components of time-normalized MFCC, which are fitted on
the pool without labels; "cnn" (CNNClassifier) on log-mel spectrograms. With
``--features statistics`` the rows are the mean, deviation and restlessness of every mel band (or
of every coefficient, ``mfcc_statistics``), with ``--embedding`` those of a file, one for each
recording in the order of their paths; both are scaled, not cut to components. ESC-10 has an
official fold for each seed, five in turn.
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
from skal._utils.rows.time_statistics import time_statistics
from skal.audio import MFCC, LogMelSpectrogram
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
        "MaxHerding": {"strategy": strategies.MaxHerding()},
        "UncertaintyHerding": {"strategy": strategies.UncertaintyHerding()},
        "first MaxHerding, margin": {
            "strategy": margin,
            "initial_strategy": strategies.MaxHerding(),
        },
        "first MaxHerding, UncertaintyHerding": {
            "strategy": strategies.UncertaintyHerding(),
            "initial_strategy": strategies.MaxHerding(),
        },
        "first MaxHerding, BADGE": {
            "strategy": strategies.BADGE(),
            "initial_strategy": strategies.MaxHerding(),
        },
        "MaxHerding from the start": from_the_start(strategies.MaxHerding()),
        "TypiClust from the start": from_the_start(strategies.TypiClust()),
        "ProbCover from the start": from_the_start(strategies.ProbCover()),
        "CoreSet from the start": from_the_start(strategies.CoreSet()),
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


def from_the_start(strategy):
    """Let a strategy choose the first labels too."""
    return {"strategy": strategy, "initial_strategy": strategy}


def ensembles():
    """Make the strategies that compare members of an ensemble, or dropout passes."""
    return {
        "random": {"strategy": strategies.RandomSampling()},
        "margin": {"strategy": strategies.MarginSampling()},
        "BALD": {"strategy": strategies.BALD()},
        "PowerBALD": {"strategy": strategies.PowerBALD()},
        "BatchBALD": {"strategy": strategies.BatchBALD(n_models=20)},
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


def make_model(options):
    """Make a classifier and the strategies that it can serve."""
    as_they_are = options.embedding or options.features != "components"
    logistic = LogisticRegression(C=1.0 if as_they_are else 0.1, max_iter=1000)
    if options.model == "logistic":
        return logistic, anything()
    if options.model == "bagging":
        return BaggingClassifier(logistic, n_estimators=10, random_state=0), ensembles()
    from skal.models import CNNClassifier

    return CNNClassifier(), networks()


def load(options):
    """Return the paths, the labels, and the part of each recording: fold, or split."""
    if options.data_set == "esc10":
        paths = sorted(Path(options.data_home).glob("*/*.ogg"))
        folders = [path.parent.name for path in paths]
        y = np.unique(folders, return_inverse=True)[1]
        return [str(path) for path in paths], y, np.array([int(path.name[0]) for path in paths])
    data = load_fsdd(options.data_home)
    test = data.split == "test"
    if options.split == "speakers":
        test = np.isin(data.groups, ["theo", "nicolas"])
    return data.paths, data.target, test


def read_features(paths, options):
    """Compute what a model takes of every recording."""
    common = {"n_jobs": options.jobs}
    if options.data_set == "fsdd":
        common |= {"sr": 8000, "n_fft": 512, "hop_length": 200, "duration": 1.0}
    else:
        common |= {"n_fft": 2048, "hop_length": 551, "duration": 5.0}
    if options.features == "mfcc_statistics":
        return time_statistics(MFCC(**common).fit_transform(paths))
    if options.model == "cnn" or options.features == "statistics":
        X = LogMelSpectrogram(**common).fit_transform(paths)
        return X if options.model == "cnn" else time_statistics(X)
    return np.stack(
        Parallel(n_jobs=options.jobs)(delayed(normalized_mfcc)(path) for path in paths)
    )


def cached_features(paths, options):
    """Read the features from the file of ``--cache``, where they are there already."""
    if options.embedding:
        return np.load(options.embedding)
    if options.cache and Path(options.cache).exists():
        return np.load(options.cache)
    X = read_features(paths, options)
    if options.cache:
        np.save(options.cache, X)
    return X


def prepare(options):
    """Return, for each split, the pool, its labels and groups, and the test set."""
    paths, y, part = load(options)
    X = cached_features(paths, options)
    tests = [part == fold for fold in range(1, 6)] if options.data_set == "esc10" else [part]
    return [divide(X, y, test, options) for test in tests]


def divide(X, y, test, options):
    """Return the pool, its labels and groups, and the test set."""
    pool = np.flatnonzero(~test)
    rng = np.random.RandomState(0)
    if options.rare:
        pool = pool[(y[pool] < 5) | (rng.uniform(size=len(pool)) < 0.1)]
    if options.embedding or options.features != "components":
        X = StandardScaler().fit(X[pool]).transform(X)
    elif options.model != "cnn":
        X = make_pipeline(StandardScaler(), PCA(50, random_state=0)).fit(X[pool]).transform(X)
    groups = np.repeat(pool, options.copies)
    X_pool = X[groups]
    if options.copies > 1:
        X_pool = X_pool + 0.1 * X[pool].std(axis=0) * rng.standard_normal(X_pool.shape)
    return X_pool, y[groups], groups, X[test], y[test]


def run(model, row, seed, data, options):
    """Run one campaign; return its curve and the mean time of a query in s."""
    X, y, groups, X_test, y_test = data[seed % len(data)]
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
        "curve": (n_labels, curves.mean(axis=0)),
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
        f"{'strategy':38}{'area':>6}{'- random':>10}{'95 %':>16}{'p':>8}"
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
        print(f"{name:38}{''.join(cells)}{row['last']:7.1f}{reach:>7}{milliseconds:7.0f}")


def print_curves(rows, at):
    """Print the mean accuracy of each row at some numbers of labels, the largest area first."""
    n_labels = next(iter(rows.values()))["curve"][0]
    at = [n for n in at if n_labels[0] <= n <= n_labels[-1]]
    print("\n" + f"{'accuracy at':38}" + "".join(f"{n:7}" for n in at))
    for name in sorted(rows, key=lambda name: -np.mean(rows[name]["area"])):
        values = np.interp(at, *rows[name]["curve"])
        print(f"{name:38}" + "".join(f"{value:7.1f}" for value in values))


def parse():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True, help="folder with recordings/")
    parser.add_argument("--model", choices=["logistic", "bagging", "cnn"], default="logistic")
    parser.add_argument("--split", choices=["official", "speakers"], default="official")
    parser.add_argument("--data-set", choices=["fsdd", "esc10"], default="fsdd")
    parser.add_argument(
        "--features",
        choices=["components", "statistics", "mfcc_statistics"],
        default="components",
    )
    parser.add_argument("--embedding", help="file (.npy) of a row for each recording")
    parser.add_argument("--rare", action="store_true", help="keep a tenth of the digits 5 to 9")
    parser.add_argument("--copies", type=int, default=1, help="near-duplicates of each recording")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds")
    parser.add_argument("--initial", type=int, default=20, help="labels before the first round")
    parser.add_argument("--batch", type=int, default=20, help="labels in a round")
    parser.add_argument("--budget", type=int, default=400, help="labels in all")
    parser.add_argument("--strategies", nargs="+", help="rows of the table; random is always in")
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at a time")
    parser.add_argument("--at", type=int, nargs="+", default=[10, 20, 30, 50, 100, 200])
    parser.add_argument("--cache", help="file (.npy) to keep the features in")
    return parser.parse_args()


def main():
    """Measure and print."""
    options = parse()
    model, rows = make_model(options)
    if options.copies > 1:
        margin = strategies.MarginSampling()
        rows["MaxPerGroup(margin)"] = {"strategy": strategies.MaxPerGroup(margin)}
    if options.strategies:
        unknown = set(options.strategies) - set(rows)
        if unknown:
            raise SystemExit(f"no rows {sorted(unknown)}; there are {', '.join(rows)}")
        rows = {name: rows[name] for name in dict.fromkeys(["random", *options.strategies])}
    data = prepare(options)
    full = np.mean([clone(model).fit(d[0], d[1]).score(d[3], d[4]) for d in data])
    print(
        f"{options.model}, {options.data_set}: {len(data[0][0])} rows to choose from, "
        f"{len(data[0][3])} to test on; accuracy with all labels {100 * full:.1f} %; "
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
    print_curves(table, options.at)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
