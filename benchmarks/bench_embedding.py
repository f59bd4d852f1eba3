"""Embeddings: accuracy over labels, the time of a folder, and of a round over a large pool.

    python benchmarks/bench_embedding.py DATA [accuracy|folder|round] [--speech FOLDER]

DATA holds esc10 (one folder a class, names that begin with the fold) and fsdd (recordings).
`--speech` names the folder of openWakeWord's two networks.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from skal import ActiveLearningClassifier
from skal.audio import FeatureCache, PretrainedEmbedding
from skal.audio.embedding.known import find_weights
from skal.audio.reading import load
from skal.models import make_embedding_classifier
from skal.strategies import MaxHerding, UncertaintyHerding

STORE = Path(tempfile.gettempdir()) / "skal_bench_embedding"


def campaign(X, y, train, test, counts, seed):
    """Play a campaign with the defaults of skal label; return the accuracy at some labels."""
    fitted = ActiveLearningClassifier(
        make_embedding_classifier(),
        UncertaintyHerding(),
        initial_strategy=MaxHerding(),
        n_initial=10,
        n_instances=10,
        budget=max(counts),
        random_state=seed,
    ).fit(X[train], y[train], eval_set=(X[test], y[test]))
    curve = {record["n_labeled"]: record["eval_accuracy"] for record in fitted.history_}
    return [curve[count] for count in counts]


def esc10(data):
    """Print the accuracy on ESC-10 with BirdNET, mean of the folds."""
    paths = sorted(map(str, Path(data, "esc10").glob("*/*.ogg")))
    y = np.array([path.split(os.sep)[-2] for path in paths])
    fold = np.array([int(os.path.basename(path)[0]) for path in paths])
    X = FeatureCache(PretrainedEmbedding("birdnet", n_jobs=2), STORE).transform(paths)
    counts, scores = [20, 30, 120, 320], []
    for k in np.unique(fold):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        scores.append(campaign(X, y, train, test, counts, 0))
    report("ESC-10, BirdNET, goals .74 .86 .94 .95", counts, scores)


def fsdd(data, speech):
    """Print the accuracy on FSDD with unseen speakers and the speech embedding."""
    paths = sorted(map(str, Path(data, "fsdd", "recordings").glob("*.wav")))
    y = np.array([os.path.basename(path)[0] for path in paths])
    speaker = np.array([os.path.basename(path).split("_")[1] for path in paths])
    embedding = PretrainedEmbedding("speech_embedding", weights=speech, n_jobs=2)
    X = FeatureCache(embedding, STORE).transform(paths)
    test = np.isin(speaker, ["theo", "nicolas"])
    rows = [np.flatnonzero(~test), np.flatnonzero(test)]
    scores = [campaign(X, y, *rows, [50, 100, 200], seed) for seed in range(3)]
    report("FSDD, unseen speakers, goal .94 at 200", [50, 100, 200], scores)
    model = make_embedding_classifier().fit(X[rows[0]], y[rows[0]])
    print(f"  all {len(rows[0])}: {model.score(X[rows[1]], y[rows[1]]):.3f} (goal .955)")


def report(title, counts, scores):
    """Print the mean of some curves."""
    mean = np.mean(scores, axis=0)
    shown = ", ".join(f"{n}: {value:.3f}" for n, value in zip(counts, mean, strict=True))
    print(f"{title}\n  {shown}", flush=True)


def folder(data, n_clips=40):
    """Compare embedding a folder with the interpreter alone on the same windows."""
    from ai_edge_litert.interpreter import Interpreter

    paths = sorted(map(str, Path(data, "esc10").glob("*/*.ogg")))[:n_clips]
    path = find_weights("birdnet")
    net = Interpreter(path, num_threads=1, experimental_preserve_all_tensors=True)
    net.allocate_tensors()
    details = net.get_tensor_details()
    index = next(d["index"] for d in details if d["name"] == "model/GLOBAL_AVG_POOL/Mean")
    windows = [load(p, 48000, 5.0, "silence")[0] for p in paths]
    windows = [y[s : s + 144000][None] for y in windows for s in (0, 96000)]
    start, rows = time.perf_counter(), []
    for window in windows:
        net.set_tensor(net.get_input_details()[0]["index"], window)
        net.invoke()
        rows.append(net.get_tensor(index)[0].copy())
    alone = time.perf_counter() - start
    given = {"duration": 5.0, "pool": None}
    PretrainedEmbedding("birdnet", **given).transform(paths[:2])  # opens the network
    for n_jobs in (1, 2):
        start = time.perf_counter()
        got = PretrainedEmbedding("birdnet", n_jobs=n_jobs, **given).transform(paths)
        seconds = time.perf_counter() - start
        assert np.array_equal(got.reshape(len(rows), -1), rows)
        print(f"{n_jobs} jobs: {seconds / alone:.2f} of the interpreter's {alone:.1f} s")


def large_round(n_rows=100_000, n_labels=1000):
    """Time a round over a large pool: train, predict all, choose 50."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, n_rows)
    X = rng.standard_normal((n_rows, 1024), dtype=np.float32)
    X[:, :10] += 3 * np.eye(10, dtype=np.float32)[y]
    given = np.full(n_rows, -1)
    given[:n_labels] = y[:n_labels]
    before, start, used = peak_memory(), time.perf_counter(), time.process_time()
    fitted = ActiveLearningClassifier(make_embedding_classifier(), n_instances=50).fit(X, given)
    fitted.query()
    print(
        f"round over {n_rows} rows: {time.perf_counter() - start:.1f} s (goal 3), processors "
        f"{time.process_time() - used:.1f} s, {peak_memory() - before:.2f} GB more than the rows"
    )


def peak_memory():
    """Return the most memory that this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("part", nargs="?", choices=["accuracy", "folder", "round"])
    parser.add_argument("--speech")
    given = parser.parse_args()
    if given.part in (None, "accuracy"):
        esc10(given.data)
        if given.speech is not None:
            fsdd(given.data, given.speech)
    if given.part in (None, "folder"):
        folder(given.data)
    if given.part in (None, "round"):
        large_round()


if __name__ == "__main__":
    main()
