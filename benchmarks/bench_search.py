"""Search by example in a memory map: exact and by the index; time, memory, and recall.

    python benchmarks/bench_search.py                       # 200,000 rows, made up
    python benchmarks/bench_search.py --rows 1000000
    python benchmarks/bench_search.py --like rows.npy examples.npy

Rows are 1,024 numbers of float16. Made-up rows have a latent of 256 numbers whose variances fall
as 1 / k. With `--like`, rows are mixtures of neighbors among the given embeddings, as sounds
overlap; take the examples from other recordings. The ratio is that of processor times.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skal.search import SimilaritySearch, most_similar

N_FEATURES, LATENT, BLOCK = 1024, 256, 10_000
GOAL = 0.95  # recall


def latent_rows(n_rows, rng):
    """Yield blocks of rows with a latent of slowly falling variances, and noise."""
    scale = np.arange(1, LATENT + 1, dtype=np.float32)[:, None] ** -0.5
    directions = scale * rng.standard_normal((LATENT, N_FEATURES), dtype=np.float32) / 32
    for first in range(0, n_rows, BLOCK):
        size = min(BLOCK, n_rows - first)
        rows = rng.standard_normal((size, LATENT), dtype=np.float32) @ directions
        yield rows + 0.01 * rng.standard_normal(rows.shape, dtype=np.float32)


def mixed_rows(real, n_rows, rng):
    """Yield blocks of mixtures: each of a row and one of its neighbors, and a tenth of noise."""
    near = NearestNeighbors(n_neighbors=20, metric="cosine").fit(real)
    neighbors = near.kneighbors(real, return_distance=False)
    for first in range(0, n_rows, BLOCK):
        size = min(BLOCK, n_rows - first)
        one = rng.integers(len(real), size=size)
        other = neighbors[one, rng.integers(neighbors.shape[1], size=size)]
        share = rng.random((size, 1), dtype=np.float32)
        rows = share * real[one] + (1 - share) * real[other]
        yield rows * (1 + 0.1 * rng.standard_normal(rows.shape, dtype=np.float32))


def write(path, blocks, n_rows):
    """Write blocks of rows as float16, and open them as a memory map."""
    out = np.lib.format.open_memmap(path, "w+", np.float16, (n_rows, N_FEATURES))
    first = 0
    for block in blocks:
        out[first : first + len(block)] = block
        first += len(block)
    out.flush()
    del out
    return np.load(path, mmap_mode="r")


def make(path, given, rng):
    """Return the rows and the examples, which are not among them."""
    if given.like is None:
        blocks = latent_rows(given.rows + given.examples, rng)
        X = write(path, blocks, given.rows + given.examples)
        return X[: given.rows], np.array(X[given.rows :])
    real, examples = (np.load(path).astype(np.float32) for path in given.like)
    X = write(path, mixed_rows(real, given.rows, rng), given.rows)
    return X, examples[rng.permutation(len(examples))[: given.examples]]


class Memory:
    """Samples the memory of this process, without the pages of the map."""

    def __enter__(self):
        self.start, self.peak, self.over = _private_memory(), 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.over.wait(0.005):
            self.peak = max(self.peak, _private_memory())

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.peak = max(self.peak, _private_memory())


def _private_memory():
    """Return the memory of this process that no file backs, in GB (Linux)."""
    text = Path("/proc/self/status").read_text()
    return next(int(x.split()[1]) for x in text.splitlines() if x.startswith("RssAnon")) / 1e6


def timed(function):
    """Return what a function gives, its seconds, and those of the processor."""
    start, used = time.perf_counter(), time.process_time()
    result = function()
    return result, time.perf_counter() - start, time.process_time() - used


def exact_searches(X, examples, n_results):
    """Search exactly; return the similarities that are due and the times of every example."""
    found = [timed(lambda e=e: most_similar(X, e[None], n_results)[1]) for e in examples]
    return [one[0] for one in found], _times(found)


def compare(search, X, examples, due, n_results):
    """Search by the index, assert that it finds what is due, and return recalls and times."""
    found = [timed(lambda e=e: search.search(e[None], n_results)) for e in examples]
    recalls = []
    for example, similar, ((rows, similarities), *_) in zip(examples, due, found, strict=True):
        again = most_similar(X[rows], example[None], n_results)[1]
        np.testing.assert_allclose(similarities, again, atol=1e-5)
        # Rows as similar as the last that is due count: equal rows may come in any order.
        recalls.append(np.mean(similarities >= similar[n_results - 1] - 1e-5))
    assert np.mean(recalls) >= GOAL, f"recall {np.mean(recalls):.3f}"
    return recalls, _times(found)


def _times(found):
    return 1000 * np.array([seconds for _, *seconds in found])


def report(name, times):
    """Print the times of some searches, in ms."""
    middle, used = np.median(times, axis=0)
    high = np.quantile(times[:, 0], 0.95)
    print(
        f"{name}: median {middle:.0f} ms, 95 % {high:.0f} ms, processor {used:.0f} ms", flush=True
    )


def main():
    """Measure and print; an index that finds too little is an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--like", nargs=2, metavar=("ROWS", "EXAMPLES"), help=".npy files")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--results", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--folder", help="where the map is written (a temporary folder)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        X, examples = make(Path(folder, "rows.npy"), given, np.random.default_rng(0))
        with Memory() as memory:
            build = SimilaritySearch("index", random_state=0).fit
            search, wall, processor = timed(lambda: build(X))
            print(
                f"{len(X)} rows: index of {search.index_.shape[1]} directions in {wall:.1f} s, "
                f"processor {processor:.1f} s; first search "
                f"{1000 * timed(lambda: search.search(examples[:1]))[1]:.0f} ms"
            )
            due, exact = exact_searches(X, examples, max(given.results))
            report("exact", exact)
            for n_results in given.results:
                recalls, times = compare(search, X, examples, due, n_results)
                report(
                    f"index, {n_results} results: recall {np.mean(recalls):.3f} (least "
                    f"{np.min(recalls):.2f}), ratio {np.median(exact[:, 1] / times[:, 1]):.0f}",
                    times,
                )
        print(f"peak memory besides the map: {memory.peak:.2f} GB (before: {memory.start:.2f})")


if __name__ == "__main__":
    main()
