"""Search by example against brute force."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics.pairwise import cosine_similarity

from skal import search as search_module
from skal._utils.distances.cosine import highest_cosine
from skal.search import SimilaritySearch, most_similar


@pytest.fixture
def X():
    return np.random.RandomState(0).standard_normal((300, 12))


@pytest.mark.parametrize("dtype", [np.float16, ">f2", np.float32, np.float64, np.int8])
@pytest.mark.parametrize("n_examples", [1, 5])
def test_most_similar(X, dtype, n_examples):
    X = (10 * X).astype(dtype)
    expected = cosine_similarity(X.astype(float), X[:n_examples].astype(float)).max(axis=1)
    positions, similarities = most_similar(X, X[:n_examples], 40)
    assert set(positions[:n_examples]) == set(range(n_examples))
    np.testing.assert_allclose(similarities, np.sort(expected)[::-1][:40], atol=1e-5)
    np.testing.assert_allclose(expected[positions], similarities, atol=1e-5)


@given(
    X=arrays(
        np.float16,
        st.tuples(st.integers(1, 30), st.integers(1, 5)),
        elements=st.floats(-65504, 65504, width=16),
    )
)
@settings(max_examples=200)
def test_every_float16_is_read_as_it_is(X):
    """Small, large and subnormal numbers, and rows of zeros."""
    examples = np.ones((1, X.shape[1]))
    expected = cosine_similarity(X.astype(float), examples)[:, 0]
    np.testing.assert_allclose(highest_cosine(X, examples), expected, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_length_does_not_matter(X, scale):
    expected = most_similar(X, X[:2], 9)
    positions, similarities = most_similar(X * scale, X[:2] * scale, 9)
    np.testing.assert_array_equal(positions, expected[0])
    np.testing.assert_allclose(similarities, expected[1], rtol=1e-5)


def test_ties_come_in_the_order_of_the_rows():
    X = np.tile(np.eye(3), (5, 1))
    positions, similarities = most_similar(X, [[0, 2, 0]], 7)
    np.testing.assert_array_equal(positions, [1, 4, 7, 10, 13, 0, 2])
    np.testing.assert_array_equal(similarities, [1, 1, 1, 1, 1, 0, 0])


def test_more_results_than_rows(X):
    positions, _ = most_similar(X[:4], X[:1], 50)
    assert sorted(positions) == [0, 1, 2, 3]
    assert len(most_similar(X[:0], X[:1], 50)[0]) == 0


def test_a_memory_map_is_read_in_blocks(tmp_path, X):
    """Take no copy of the rows, and give what the array in memory gives."""
    rows = np.tile(X.astype(np.float16), (700, 8))
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    most_similar(mapped[:10], rows[:1])
    tracemalloc.start()
    found = SimilaritySearch(method="exact").fit(mapped).search(rows[:1], 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 4
    for mine, expected in zip(found, most_similar(rows, rows[:1], 20), strict=True):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_refused(X, dtype, value):
    X = X.astype(dtype)
    X[7, 3] = value
    with pytest.raises(ValueError, match="1 of 300 rows hold NaN or infinity"):
        most_similar(X, X[:1])


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (np.zeros((0, 12)), "at least one"),
        (np.ones((1, 5)), "5 features, but the rows have 12"),
        (np.ones(12), "a numeric array of shape"),
        (["owl.wav"], "embed recordings first"),
    ],
)
def test_examples_that_cannot_be_compared_are_refused(X, examples, message):
    with pytest.raises(ValueError, match=message):
        most_similar(X, examples)


def test_all_rows_are_compared_where_there_is_no_index(X, monkeypatch):
    monkeypatch.setattr(search_module, "find_spec", lambda name: None)
    monkeypatch.setattr(search_module, "_EXACT", 100)
    search = SimilaritySearch().fit(X)
    assert search.index_ is None
    np.testing.assert_array_equal(search.search(X[:1], 5)[0], most_similar(X, X[:1], 5)[0])


def test_an_index_asked_for_and_missing_is_an_error(X, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(ImportError, match=r"skal-audio\[ann\].*method='exact'"):
        SimilaritySearch("index").fit(X)


class _BruteForce:
    """An index that compares all rows, in place of pynndescent's."""

    def __init__(self, X, instead, *, metric, random_state):
        self.X = X

    def query(self, queries, k):
        order = np.argsort(-cosine_similarity(queries, self.X), axis=1)
        return order[:, :k], None


def _clouds(n_samples, n_features):
    """Make rows around centers of few directions, as embeddings are."""
    rng = np.random.RandomState(0)
    centers = rng.standard_normal((50, 40)) @ rng.standard_normal((40, n_features))
    rows = centers[rng.randint(50, size=n_samples)]
    return (rows + rng.standard_normal((n_samples, n_features))).astype(np.float16)


def _recall(search, X, queries):
    hits = [
        len(np.intersect1d(search.search(X[[q]], 50)[0], most_similar(X, X[[q]], 50)[0]))
        for q in queries
    ]
    return np.mean(hits) / 50


def test_an_index_of_few_directions_finds_the_same_rows(monkeypatch):
    """Search the directions widely, then compare the rows as they are."""
    monkeypatch.setattr(search_module, "build_index", _BruteForce)
    X = _clouds(4000, 200)
    search = SimilaritySearch("index", random_state=0).fit(X)
    assert search.index_.X.shape == (4000, 128)
    assert _recall(search, X, range(20)) > 0.95
    positions, similarities = search.search(X[[3, 5]], 10)
    expected = cosine_similarity(X.astype(float), X[[3, 5]].astype(float)).max(axis=1)
    np.testing.assert_allclose(similarities, expected[positions], atol=1e-5)
    np.testing.assert_array_equal(search.search(X[:1], 4000)[0], most_similar(X, X[:1], 4000)[0])
    with pytest.raises(ValueError, match="5 features"):
        search.search(np.ones((1, 5)), 10)


@pytest.mark.slow
def test_the_index_of_pynndescent():
    pytest.importorskip("pynndescent")
    X = _clouds(5000, 200)
    search = SimilaritySearch("index", random_state=0).fit(X)
    assert _recall(search, X, range(20)) > 0.95
