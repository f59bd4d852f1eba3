"""Rows in any container: taken, joined, copied, compared, brought into another container."""

import os
import pickle
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skal._utils.rows import fingerprints
from skal._utils.rows.containers import (
    concatenate,
    copy_rows,
    in_container_of,
    in_matrix_of,
    n_rows,
    take_rows,
)
from skal._utils.rows.fingerprints import canonical, describe, fingerprint
from skal.models import CNNClassifier, CompactCNN, DenseNet

VALUES = np.random.RandomState(0).normal(size=(6, 2))
WAVES = [np.arange(3.0), np.arange(5.0), np.arange(2.0), np.ones(3), np.ones(4), np.ones(5)]
NAMES = [f"{c}.wav" for c in "abcdef"]


def polars_frame():
    pl = pytest.importorskip("polars")
    return pl.DataFrame({"a": VALUES[:, 0], "b": VALUES[:, 1]})


MAKERS = {
    "array": lambda: VALUES.copy(),
    "fortran": lambda: np.asfortranarray(VALUES),
    "images": lambda: VALUES.reshape(6, 2, 1, 1).astype(np.float32),
    "frame": lambda: pd.DataFrame(VALUES, columns=["a", "b"], index=list("uvwxyz")),
    "polars": polars_frame,
    "csr": lambda: sparse.csr_matrix(VALUES),
    "csr array": lambda: sparse.csr_array(VALUES),
    "names": lambda: list(NAMES),
    "array of names": lambda: np.array(NAMES),
    "Series of names": lambda: pd.Series(NAMES, name="path"),
    "waveforms": lambda: [wave.copy() for wave in WAVES],
}
each_container = pytest.mark.parametrize("name", MAKERS)


def rows_of(X):
    """Return the rows one by one as plain lists, for a comparison."""
    if sparse.issparse(X):
        X = X.toarray()
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    return [np.asarray(row).tolist() for row in X]


@each_container
def test_take_and_concatenate_are_inverse(name):
    X = MAKERS[name]()
    parts = [take_rows(X, np.array(p)) for p in ([0, 1], [2], [3, 4, 5])]
    joined = concatenate(parts)
    assert type(joined) is type(X)
    assert n_rows(joined) == 6
    assert rows_of(joined) == rows_of(X)
    assert [n_rows(part) for part in parts] == [2, 1, 3]


@each_container
def test_a_copy_is_independent(name):
    X = MAKERS[name]()
    copied, before = copy_rows(X), rows_of(X)
    assert type(copied) is type(X) or name == "array of names"
    if name in ("array", "fortran", "images"):
        X[:] = 0
    elif name == "frame":
        X.iloc[:] = 0
    elif name in ("csr", "csr array"):
        X.data[:] = 0
    elif name == "waveforms":
        for wave in X:
            wave[:] = 9
    elif name == "names":
        X[:] = ["other"] * 6
    assert rows_of(copied) == before


FEATURES = ["array", "fortran", "frame", "polars", "csr", "csr array"]


@pytest.mark.parametrize("template", FEATURES)
@pytest.mark.parametrize("given_in", FEATURES)
def test_features_come_into_the_container_of_fit(template, given_in):
    template, X = MAKERS[template](), MAKERS[given_in]()
    found = in_matrix_of(in_container_of(X, template), template)
    assert type(found) is type(template)
    assert rows_of(found) == rows_of(template)
    assert rows_of(concatenate([template, found])) == rows_of(template) * 2


SEQUENCES = ["names", "array of names", "Series of names"]


@pytest.mark.parametrize("template", SEQUENCES)
@pytest.mark.parametrize("given_in", SEQUENCES)
def test_paths_come_into_the_container_of_fit(template, given_in):
    template, X = MAKERS[template](), MAKERS[given_in]()
    found = in_matrix_of(in_container_of(X, template), template)
    assert type(found) is type(template)
    assert rows_of(found) == NAMES
    assert rows_of(concatenate([template, found])) == NAMES * 2


def test_waveforms_of_one_length_join_those_of_many():
    found = in_container_of(np.ones((2, 4)), WAVES)
    assert [len(wave) for wave in concatenate([WAVES, found])] == [3, 5, 2, 3, 4, 5, 4, 4]


@pytest.mark.parametrize(
    ("template", "X", "message"),
    [
        ("array", ["a.wav"], "a sequence of paths.*an array of shape"),
        ("array", WAVES, "a sequence of waveforms"),
        ("names", VALUES, "an array of shape.*a sequence of paths"),
        ("names", pd.DataFrame(VALUES), "a DataFrame of pandas.*a sequence of paths"),
        ("names", sparse.csr_matrix(VALUES), "a sparse matrix"),
        ("waveforms", VALUES.reshape(6, 2, 1), "an array of shape"),
        ("frame", VALUES[:, :1], "has 2 features"),
        ("frame", VALUES.reshape(6, 2, 1), "has 2 features"),
        ("frame", ["a.wav"], "a sequence of paths"),
        ("frame", pd.DataFrame({"a": [1.0]}), r"missing \['b'\], new \[\]"),
        ("frame", pd.DataFrame({"a": [1.0], "c": [1.0]}), r"missing \['b'\], new \['c'\]"),
        (
            "frame",
            pd.DataFrame({"a": [1.0], "b": ["x"]}),
            "column 'b' cannot be converted to float64",
        ),
        ("images", VALUES.reshape(6, 1, 2, 1), r"shape \(1, 2, 1\).*\(2, 1, 1\)"),
        ("images", VALUES, r"shape \(2,\)"),
    ],
)
def test_what_does_not_fit_is_refused(template, X, message):
    template = MAKERS[template]()
    with pytest.raises(ValueError, match=message):
        in_matrix_of(in_container_of(X, template), template)


class TestFrames:
    def test_columns_come_in_the_order_of_fit(self):
        template = MAKERS["frame"]()
        found = in_container_of(template[["b", "a"]], template)
        pd.testing.assert_frame_equal(found, template)
        numbered = pd.DataFrame(VALUES)
        pd.testing.assert_frame_equal(in_container_of(numbered[[1, 0]], numbered), numbered)

    def test_types_are_those_of_fit(self):
        template = pd.DataFrame(
            {
                "place": pd.Categorical(["wood", "lake"], categories=["sea", "lake", "wood"]),
                "height": np.array([1, 2], dtype=np.float32),
                "count": [1, 2],
                "name": ["x", "y"],
            }
        )
        X = pd.DataFrame({"place": ["lake"], "height": [3], "count": [2.0], "name": ["z"]})
        found = in_container_of(X, template)
        assert (found.dtypes == template.dtypes).all()
        assert found.iloc[0].tolist() == ["lake", 3.0, 2, "z"]
        with pytest.raises(ValueError, match="'moor', which is not one of its categories"):
            in_container_of(X.assign(place=["moor"]), template)
        with pytest.raises(ValueError, match="column 'name' is int64"):
            in_container_of(X.assign(name=[7]), template)
        assert in_container_of(X.assign(count=[2.5]), template)["count"].tolist() == [2.5]

    def test_from_an_array_of_objects(self):
        template = pd.DataFrame({"place": ["wood", "lake"], "height": [1.0, 2.0]})
        found = in_container_of(template.to_numpy(), template)
        pd.testing.assert_frame_equal(found, template)


class TestFingerprint:
    @each_container
    def test_same_rows_same_fingerprint(self, name):
        assert fingerprint(MAKERS[name]()) == fingerprint(MAKERS[name]())

    @each_container
    def test_other_rows_other_fingerprint(self, name):
        X = MAKERS[name]()
        for positions in ([1, 0, 2, 3, 4, 5], [0, 1, 2, 3, 4], [0, 0, 2, 3, 4, 5]):
            assert fingerprint(take_rows(X, np.array(positions))) != fingerprint(X)

    def test_memory_layout_does_not_count(self, tmp_path):
        expected = fingerprint(VALUES)
        np.save(tmp_path / "x.npy", VALUES)
        for same in (
            MAKERS["fortran"](),
            np.repeat(VALUES, 2, axis=0)[::2],
            np.load(tmp_path / "x.npy", mmap_mode="r"),
        ):
            assert fingerprint(same) == expected
        csr = MAKERS["csr"]()
        assert fingerprint(csr.tocsc()) == fingerprint(csr.tocoo()) == fingerprint(csr)

    @pytest.mark.parametrize("name", ["array", "frame", "csr", "polars"])
    def test_one_value_counts(self, name):
        changed = VALUES.copy()
        changed[3, 1] = np.nextafter(changed[3, 1], 9)
        make = {
            "array": lambda v: v,
            "frame": lambda v: pd.DataFrame(v, columns=["a", "b"]),
            "csr": sparse.csr_matrix,
            "polars": lambda v: polars_frame().with_columns(b=v[:, 1]),
        }[name]
        ours, theirs = fingerprint(make(VALUES)), fingerprint(make(changed))
        assert [what for what in ours if ours[what] != theirs[what]] == ["values"]

    def test_large_arrays_are_sampled(self, monkeypatch):
        X = np.arange(8000, dtype=float).reshape(2000, 4)
        exact = fingerprint(X)
        monkeypatch.setattr(fingerprints, "EXACT_BYTES", 6400)  # 200 rows
        assert fingerprint(X) != exact
        assert fingerprint(X[:, [1, 0, 2, 3]]) != fingerprint(X)
        assert fingerprint(X[::-1]) != fingerprint(X)
        moved = X.copy()
        moved[-1] += 1
        assert fingerprint(moved) != fingerprint(X)  # the last row is always looked at
        assert fingerprint(sparse.csr_matrix(X)) != fingerprint(sparse.csr_matrix(X[::-1]))
        waves = [np.full(500, i, dtype=float) for i in range(20)]
        assert fingerprint(waves) != fingerprint(waves[::-1])

    def test_recordings_by_name_size_and_time(self, tmp_path):
        paths = [tmp_path / f"{i}.wav" for i in range(3)]
        for path in paths:
            path.write_bytes(b"x" * 10)
        windows = [f"{path}#t=0,1" for path in paths]
        before, before_windows = fingerprint(paths), fingerprint(windows)
        os.utime(paths[1], (0, time.time() - 1000))
        assert _changed(before, fingerprint(paths)) == ["modification times of the files"]
        assert _changed(before_windows, fingerprint(windows)) == [
            "modification times of the files"
        ]
        before = fingerprint(paths)
        stamp = paths[1].stat().st_mtime_ns
        paths[1].write_bytes(b"x" * 11)
        os.utime(paths[1], ns=(stamp, stamp))
        assert _changed(before, fingerprint(paths)) == ["sizes of the files"]
        assert _changed(fingerprint(paths), fingerprint(paths[::-1]))[0] == "names"
        column = pd.DataFrame({"path": [str(path) for path in paths]})
        before = fingerprint(column)
        paths[1].unlink()
        assert "sizes of the files" in _changed(before, fingerprint(column))

    def test_text_that_is_no_path(self):
        texts = ["a text\0 with a zero", "x" * 100_000, ""]
        assert fingerprint(texts) == fingerprint(list(texts))


def _changed(before, after):
    return [what for what in before if before[what] != after[what]]


LEARNERS = [
    LogisticRegression(max_iter=500),
    RandomForestClassifier(3, random_state=0),
    GradientBoostingClassifier(n_estimators=2, random_state=0),
    HistGradientBoostingClassifier(max_iter=2, random_state=0),
    KNeighborsClassifier(algorithm="kd_tree"),
    SVC(),
]


class TestDescribe:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (np.random.RandomState(0), np.random.RandomState(1)),
            (np.random.default_rng(0), np.random.default_rng(1)),
            (np.arange(2000), np.where(np.arange(2000) == 1000, -1, np.arange(2000))),
            ({"a": [1, (2, 3)]}, {"a": [1, (2, 4)]}),
            (CompactCNN(dropout=0.1), CompactCNN(dropout=0.2)),
            ([np.random.RandomState(0)], [np.random.RandomState(1)]),
            (max, min),
            (int, float),
            ({1, 2}, {1, 3}),
        ],
    )
    def test_contents_count(self, one, other):
        assert describe(one)[1] != describe(other)[1]

    @pytest.mark.parametrize(
        "make",
        [
            lambda: np.random.RandomState(7),
            lambda: np.random.default_rng(7),
            lambda: CompactCNN(),
            lambda: {"b": np.arange(9), "a": {3, 1, 2}},
            object,
            lambda: None,
        ],
    )
    def test_the_same_is_the_same(self, make):
        assert describe(make()) == describe(make())

    @pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
    @pytest.mark.parametrize("wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
    def test_what_a_frozen_model_has_learned_counts(self, learner, wrap):
        X, y = load_iris(return_X_y=True)
        one, same, other = (
            wrap(clone(learner)).fit(X[rows], y[rows])
            for rows in (slice(0, 140), slice(0, 140), slice(10, 150))
        )
        frozen = [describe(make_pipeline(FrozenEstimator(model)))[1] for model in (one, same)]
        assert frozen[0] == frozen[1] != describe(make_pipeline(FrozenEstimator(other)))[1]
        reread = pickle.loads(pickle.dumps(one))
        assert describe(make_pipeline(FrozenEstimator(reread)))[1] == frozen[0]
        # Where a clone forgets what was learned, it does not count.
        assert describe(one) == describe(other)

    def test_weights_that_a_network_begins_with_count(self):
        X, y = load_iris(return_X_y=True)
        network = CNNClassifier(DenseNet(units=(4,)), steps=1, random_state=0)
        one, other = (clone(network).fit(X[rows], y[rows]) for rows in (slice(140), slice(9, 150)))
        by_it = describe(CNNClassifier(pretrained=one))[1]
        assert by_it == describe(CNNClassifier(pretrained=pickle.loads(pickle.dumps(one))))[1]
        assert by_it != describe(CNNClassifier(pretrained=other))[1]

    def test_weights_of_a_frozen_keras_network_count(self):
        from skal.models._backend import KerasClassifier

        X, y = load_iris(return_X_y=True)
        network = KerasClassifier(
            DenseNet(units=(4,)), loss="categorical_crossentropy", epochs=1, verbose=0
        )
        fitted = clone(network).fit(X, y)
        before = describe(FrozenEstimator(fitted))
        assert describe(FrozenEstimator(fitted)) == before
        model = fitted.model_
        model.set_weights([2 * weights for weights in model.get_weights()])
        assert describe(FrozenEstimator(fitted))[1] != before[1]

    def test_a_number_of_numpy_is_a_number(self):
        assert describe(np.int64(3))[1] == describe(3)[1]

    def test_what_holds_itself(self):
        loop = [1]
        loop.append(loop)
        assert "itself" in canonical(loop)

    @given(st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=3)))
    def test_lists(self, value):
        assert (canonical(value) == canonical([0])) == (value == [0])
