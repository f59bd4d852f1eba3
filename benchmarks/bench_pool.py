"""What choosing costs beside the forward pass over the pool, for every strategy.

A CNNClassifier predicts for 100,000 spectrograms once; then every strategy chooses 200 of them
from these predictions, as in a round. Strategies whose definition needs passes of their own
(dropout samples, augmented copies, gradients through all layers) are timed on a part of the
pool, passes included, and marked.

    python benchmarks/bench_pool.py
    python benchmarks/bench_pool.py --n-samples 10000
    python benchmarks/bench_pool.py --memory       # 1,000,000 x 64: peak memory, no network
"""

import argparse
import resource
import sys
import time

import numpy as np
from bench_engine import N_CLASSES, SHAPE, make_data
from sklearn.base import BaseEstimator, ClassifierMixin

from skal import strategies as s
from skal.learner import Learner

N_INSTANCES, N_LABELED = 200, 500

FROM_ONE_PASS = [
    s.RandomSampling(),
    s.EntropySampling(),
    s.MarginSampling(),
    s.LeastConfidenceSampling(),
    s.ExpectedGradientLength(),
    s.ExpectedChangeOfGradient(),
    s.BADGE(),
    s.CoreSet(),
    s.TypiClust(),
    s.ProbCover(),
    s.DensityPeaksSampling(),
    s.EntropyDensityPeaks(),
    s.DiverseBatch(s.MarginSampling()),
    s.Prefilter(s.EntropySampling(), s.CoreSet()),
    s.SubsamplePool(s.BADGE()),
    s.NeighborPool(s.MarginSampling()),
    s.MaxPerGroup(s.MarginSampling()),
    s.Schedule([(100, s.TypiClust()), (None, s.MarginSampling())]),
]

MANY_PASSES = [
    s.BALD(),
    s.PowerBALD(),
    s.BatchBALD(),
    s.QueryByCommittee(),
    s.AugmentationDisagreement(),
    s.ExpectedGradientLength(layers="all"),
]


def ask(strategy, learner, X, X_labeled, y_labeled):
    """Let a strategy choose, and return the seconds that it takes."""
    start = time.perf_counter()
    positions = strategy.query(
        learner,
        X,
        N_INSTANCES,
        X_labeled=X_labeled,
        y_labeled=y_labeled,
        groups=np.arange(len(X)) // 5,
        random_state=0,
    )
    seconds = time.perf_counter() - start
    assert len(np.unique(positions)) == N_INSTANCES
    return seconds


def compare_with_pass(n_samples):
    """Print a line for each strategy; return how many take longer than the forward pass."""
    from skal.models import CNNClassifier, CompactCNN

    X, y = make_data(n_samples + N_LABELED)
    X, X_labeled, y_labeled = X[N_LABELED:], X[:N_LABELED], y[:N_LABELED]
    model = CNNClassifier(CompactCNN(), steps=100, random_state=0).fit(X_labeled, y_labeled)
    learner = Learner(model, needs=["embed", "predict_proba"])
    learner.embed(X[:1000])
    learner.embed(X_labeled)
    start = time.perf_counter()
    learner.embed(X)
    forward = time.perf_counter() - start
    print(f"forward pass over {n_samples:,} spectrograms {SHAPE}: {forward:.2f} s", flush=True)
    slower = 0
    for strategy in FROM_ONE_PASS:
        seconds = ask(strategy, learner, X, X_labeled, y_labeled)
        slower += seconds > forward
        print(f"{_name(strategy):48}{seconds:8.2f} s{seconds / forward:8.2f} passes", flush=True)
    part = X[: min(n_samples, 4_000)]
    forward *= len(part) / n_samples
    print(f"of their own passes, on {len(part):,}:")
    for strategy in MANY_PASSES:
        seconds = ask(strategy, Learner(model, needs=strategy.required()), part, None, None)
        print(f"{_name(strategy):48}{seconds:8.2f} s{seconds / forward:8.2f} passes", flush=True)
    return slower


class _Linear(ClassifierMixin, BaseEstimator):
    """Softmax of fixed directions: a model that costs nothing beside what is measured."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        rng = np.random.RandomState(0)
        self.coef_ = rng.normal(size=(X.shape[1], len(self.classes_))).astype(X.dtype)
        return self

    def predict_proba(self, X):
        scores = X @ self.coef_
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def measure_memory(n_samples=1_000_000, n_dimensions=64):
    """Print the peak memory after each strategy, the pool itself included."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_samples, n_dimensions)).astype(np.float32)
    y = rng.randint(N_CLASSES, size=N_LABELED)
    model = _Linear().fit(X[:N_LABELED], y)
    print(f"pool of {n_samples:,} x {n_dimensions}: {X.nbytes / 2**20:.0f} MiB", flush=True)
    for strategy in [
        s.MarginSampling(),
        s.SubsamplePool(s.BADGE()),
        s.BADGE(),
        s.NeighborPool(s.MarginSampling()),
        s.CoreSet(),
    ]:
        seconds = ask(strategy, Learner(model), X, X[:N_LABELED], y)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{_name(strategy):48}{seconds:8.2f} s, peak {peak:6.0f} MiB", flush=True)


def _name(strategy):
    return " ".join(repr(strategy).split())


def main():
    """Measure and print; exit with 1 where choosing takes longer than the forward pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-samples", type=int, default=100_000)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.memory:
        measure_memory()
        return
    sys.exit(compare_with_pass(options.n_samples) > 0)


if __name__ == "__main__":
    main()
