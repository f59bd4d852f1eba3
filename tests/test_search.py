"""Search by example against brute force."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
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


def test_few_rows_get_no_index(monkeypatch):
    X = _rows(9000, 12)
    assert SimilaritySearch().fit(X).index_ is None
    assert SimilaritySearch("index").fit(X).index_ is not None
    assert SimilaritySearch("index").fit(X[:7000]).index_ is None
    monkeypatch.setattr(search_module, "_EXACT", 8999)
    assert SimilaritySearch().fit(X).index_ is not None
    assert SimilaritySearch("exact").fit(X).index_ is None


def _rows(n_samples, n_features, seed=0):
    """Make rows of a latent whose variances fall slowly, as those of embeddings do."""
    scale = np.arange(1, 129)[:, None] ** -0.5
    directions = scale * np.random.RandomState(0).standard_normal((128, n_features))
    latent = np.random.RandomState(seed).standard_normal((n_samples, 128))
    return (latent @ directions).astype(np.float16)


class _Compared:
    """Counts the rows that a search compares exactly."""

    def __init__(self, monkeypatch):
        self.n = 0
        monkeypatch.setattr(search_module, "highest_cosine", self)

    def __call__(self, X, examples, positions=None):
        self.n += len(X) if positions is None else len(positions)
        return highest_cosine(X, examples, positions)


def _recall(found, expected, similarities):
    """Return the share of results as similar as the last that are due: ties are equal."""
    np.testing.assert_allclose(similarities, expected[found], atol=1e-5)
    assert len(np.unique(found)) == len(found)
    return np.mean(similarities >= np.sort(expected)[-len(found)] - 1e-5)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """Give 20,000 rows of float16 in a memory map, some of them zeros or equal."""
    rows = _rows(20_000, 300)
    rows[3000:3100] = 0
    rows[::1000] = rows[7]
    path = tmp_path_factory.mktemp("search") / "rows.npy"
    np.save(path, rows)
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("n_examples", [1, 7])
@pytest.mark.parametrize("n_results", [1, 50, 400])
def test_an_index_finds_nearly_the_same_rows(mapped, monkeypatch, n_examples, n_results):
    search = SimilaritySearch("index", random_state=0).fit(mapped)
    assert search.index_.shape == (20_000, search.directions_.shape[1])
    compared = _Compared(monkeypatch)
    recalls = []
    for examples in _rows(20 * n_examples, 300, seed=1).reshape(20, n_examples, 300):
        found = search.search(examples, n_results)
        recalls.append(_recall(found[0], highest_cosine(mapped, examples), found[1]))
        assert len(found[0]) == n_results
    assert np.mean(recalls) > 0.97
    assert compared.n <= 20 * 2 * max(1000, 4 * n_results)  # the fewest


def test_an_index_of_rows_without_directions_compares_all(monkeypatch):
    """Noise has no principal directions; the results are right all the same."""
    X = np.random.RandomState(0).standard_normal((9000, 700)).astype(np.float32)
    search = SimilaritySearch("index", random_state=0).fit(X)
    expected = [most_similar(X, X[[i]], 200)[0] for i in range(5)]
    compared = _Compared(monkeypatch)
    np.testing.assert_array_equal([search.search(X[[i]], 200)[0] for i in range(5)], expected)
    assert compared.n == 5 * (2000 + len(X))


@pytest.mark.parametrize("n_results", [50, 20_000, 30_000])
def test_an_index_of_equal_rows_and_zeros(mapped, n_results):
    search = SimilaritySearch("index", random_state=0).fit(mapped)
    positions, similarities = search.search(mapped[[7]], n_results)
    assert set(positions[:21]) == {*range(0, 20_000, 1000), 7}
    np.testing.assert_allclose(similarities[:21], 1, atol=1e-5)
    assert similarities[21] < 1 - 1e-5
    zeros = search.search(np.zeros((1, 300)), 5)
    np.testing.assert_array_equal(zeros, [np.arange(5), np.zeros(5)])
    nothing = SimilaritySearch("index").fit(np.zeros((9000, 100))).search(mapped[[7], :100], 3)
    np.testing.assert_array_equal(nothing, [np.arange(3), np.zeros(3)])


@pytest.mark.parametrize("n_rows", [0, 1, 40])
def test_an_index_asked_for_of_few_rows_compares_all(n_rows):
    X = _rows(n_rows, 200)
    found = SimilaritySearch("index").fit(X).search(np.ones((1, 200)), 3)
    for mine, expected in zip(found, most_similar(X, np.ones((1, 200)), 3), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_an_index_is_the_same_for_a_seed_and_after_pickling(mapped):
    first = SimilaritySearch("index", random_state=0).fit(mapped)
    again = clone(first).fit(mapped)
    copy = pickle.loads(pickle.dumps(first))
    for other in (again, copy):
        np.testing.assert_array_equal(first.index_, other.index_)
        np.testing.assert_array_equal(first.search(mapped[:3]), other.search(mapped[:3]))


def test_an_index_of_a_memory_map_needs_little_memory(mapped):
    tracemalloc.start()
    search = SimilaritySearch("index", random_state=0).fit(mapped)
    search.search(mapped[:1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    sample = 10_000 * 300 * 4
    assert peak < 2 * search.index_.nbytes + 3 * sample


@pytest.mark.parametrize(
    ("examples", "n_results", "message"),
    [
        (np.zeros((0, 300)), 9, "at least one"),
        (np.ones((1, 5)), 9, "5 features, but the rows have 300"),
        (np.full((1, 300), np.nan), 9, "NaN or infinity"),
        (np.ones((1, 300)), 0, "n_results"),
    ],
)
@pytest.mark.parametrize("method", ["index", "exact"])
def test_a_search_refuses_what_most_similar_refuses(mapped, method, examples, n_results, message):
    search = SimilaritySearch(method).fit(mapped)
    with pytest.raises(ValueError, match=message):
        search.search(examples, n_results)


def test_an_index_refuses_rows_that_are_not_finite(mapped):
    X = mapped[:9000].copy()
    X[8500, 3] = np.nan
    with pytest.raises(ValueError, match=r"1 of \d+ rows hold NaN or infinity"):
        SimilaritySearch("index").fit(X)
