"""Labels in any container, with any marks: the same campaign as clean integer codes."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skal import ActiveLearningClassifier
from skal.campaign.given_labels import as_values, check_labels, encode, find_classes, is_missing
from tests.campaign.data import blobs, model

MARKS = [-1, None, float("nan"), np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), np.float32("nan")]
NAMES = {
    "text": ["ant", "bee", "cat", "dog"],
    "integers": [2, 3, 5, 8],
    "numpy integers": list(np.array([2, 3, 5, 8], dtype=np.uint8)),
    "numpy text": list(np.array(["ant", "bee", "cat", "dog"])),
    "text like numbers": ["10", "2", "3", "44"],
}


def campaign(**params):
    defaults = {"n_instances": 6, "budget": None, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


def with_marks(codes, names, marks):
    """Write a class's name for each code, and marks in turn for -1."""
    marks = iter(marks * len(codes))
    return [names[code] if code >= 0 else next(marks) for code in codes]


def as_objects(items):
    values = np.empty(len(items), dtype=object)
    values[:] = items
    return values


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "array of objects": as_objects,
    "Series": lambda items: pd.Series(items, dtype=object),
    "Index": lambda items: pd.Index(items, dtype=object),
    "column of a frame": lambda items: pd.DataFrame({"y": pd.Series(items, dtype=object)})["y"],
}


@pytest.fixture(scope="module")
def expected():
    X, y = blobs()
    codes = np.where(np.arange(80) % 3 == 0, y, -1)
    return X, y, codes, campaign().fit(X, codes)


@settings(max_examples=40)
@given(
    names=st.sampled_from(sorted(NAMES)),
    container=st.sampled_from(sorted(CONTAINERS)),
    marks=st.lists(st.sampled_from(MARKS), min_size=1, max_size=4),
)
def test_any_mix_gives_the_campaign_of_clean_codes(expected, names, container, marks):
    X, y, codes, clean = expected
    names = NAMES[names]
    written = CONTAINERS[container](with_marks(codes, sorted(names), marks))
    fitted = campaign().fit(X, written)
    assert fitted.classes_.tolist() == sorted(names)
    np.testing.assert_array_equal(fitted.labeled_indices_, clean.labeled_indices_)
    np.testing.assert_allclose(fitted.predict_proba(X), clean.predict_proba(X))
    np.testing.assert_array_equal(fitted.query(), clean.query())
    # The same in teach: some rows told, some not.
    asked = fitted.query(n_instances=8)
    told = np.where(np.arange(8) % 4 == 3, -1, y[asked])
    fitted.teach(indices=asked, y=CONTAINERS[container](with_marks(told, sorted(names), marks)))
    assert len(fitted.labeled_indices_) == len(clean.labeled_indices_) + 6
    np.testing.assert_array_equal(
        fitted._rounds.state.labels(fitted.labeled_indices_),
        np.array(sorted(names))[y[fitted.labeled_indices_]],
    )


@pytest.mark.parametrize(
    ("written", "n_known", "classes"),
    [
        (pd.Series(["a", None, "b", "a"], dtype="string"), 3, ["a", "b"]),
        (pd.Series([True, None, False, True], dtype="boolean"), 3, [False, True]),
        (pd.Series([0, None, 1, 1], dtype="Int64"), 3, [0, 1]),
        (pd.Series([0.0, None, 1, 1], dtype="Float32"), 3, [0, 1]),
        (pd.Series(["a", None, "b", "a"], dtype="category"), 3, ["a", "b"]),
        (pd.Categorical([1, None, 2, 2], categories=[2, 1, 7]), 3, [1, 2]),
        (pd.Series(["a", np.nan, "b", "a"]), 3, ["a", "b"]),
        (pd.array([1, None, 2], dtype="UInt8"), 2, [1, 2]),
        (np.ma.MaskedArray([0, 1, 2, 1], mask=[0, 0, 1, 0]), 3, [0, 1]),
        (np.array([0, 1, np.nan, -1, 1], dtype=np.float16), 3, [0, 1]),
        (np.array(["a", "b", "a"], dtype=np.dtypes.StringDType()), 3, ["a", "b"]),
        (
            np.array(["a", np.nan, "b"], dtype=np.dtypes.StringDType(na_object=np.nan)),
            2,
            ["a", "b"],
        ),
        (
            np.array(["a", None, "b"], dtype=np.dtypes.StringDType(na_object=None)),
            2,
            ["a", "b"],
        ),
        (np.array([True, False, True]), 3, [False, True]),
        (np.array([0, 1, -1], dtype=np.int8), 2, [0, 1]),
        ([np.str_("a"), "b", Decimal("nan")], 2, ["a", "b"]),
        ([np.int64(3), 4, True, -1], 3, [1, 3, 4]),
        (range(3), 3, [0, 1, 2]),
    ],
)
def test_containers_with_types_of_their_own(written, n_known, classes):
    labels, known = check_labels(written, -1, len(written))
    assert known.sum() == n_known
    found = find_classes(labels, known, None)
    assert found.tolist() == classes
    assert found.dtype != object
    codes = encode(labels, known, found)
    assert (codes[~known] == -1).all()
    np.testing.assert_array_equal(found[codes[known]], labels)


@pytest.mark.parametrize("column", [["a", None, "b"], [1, None, 2], [True, None, False]])
def test_polars(column):
    pl = pytest.importorskip("polars")
    for written in (pl.Series(column), pl.DataFrame({"y": column})["y"]):
        labels, known = check_labels(written, -1, 3)
        np.testing.assert_array_equal(known, [True, False, True])
        assert labels.tolist() == [column[0], column[2]]


@given(
    st.lists(
        st.one_of(st.integers(-3, 3), st.text("ab-1", max_size=2), st.sampled_from(MARKS)),
        min_size=1,
        max_size=12,
    )
)
def test_known_is_what_is_no_mark(items):
    values = as_values(items, "y")
    for item, missing in zip(items, is_missing(values), strict=True):
        nothing = item is None or item is pd.NA or item is pd.NaT
        nothing = nothing or (isinstance(item, (float, np.floating)) and math.isnan(item))
        nothing = nothing or (isinstance(item, np.datetime64) and np.isnat(item))
        assert missing == nothing


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([b"a", b"b", b"a"], r"bytes \(b'a', entry 0\).*decode"),
        (np.array([b"a", b"b", b"a"]), "bytes"),
        (["a", b"b", None], r"bytes \(b'b', entry 1\)"),
        (["a", 3, "b"], r"mixes text \('a', entry 0\) and numbers \(3, entry 1\)"),
        (["a", datetime.date(2020, 1, 1), "b"], "datetime.date.*entry 1"),
        ([0.5, 1.25, 2.75], "[Cc]ontinuous|Unknown label type"),
        (["a", "b", "-1"], r"text '-1'.*unlabeled='-1'"),
        (np.array(["a", "b", np.nan]), "text 'nan'"),
        ([["a", "b"], ["a", "b"], ["b", "a"]], "1d array"),
        ({"a", "b", "c"}, "1d array"),
    ],
)
def test_what_is_no_label_is_refused(written, message):
    with pytest.raises(ValueError, match=message):
        campaign().fit(blobs()[0][:3], written)


def test_text_of_a_mark_can_be_a_mark_or_a_class():
    X, y = blobs()
    written = np.array(["a", "b", "c", "-1"])[y]
    marks = campaign(unlabeled="-1").fit(X, written)
    assert marks.classes_.tolist() == ["a", "b", "c"]
    assert campaign(unlabeled=None).fit(X, written).classes_.tolist() == ["-1", "a", "b", "c"]
    listed = campaign(classes=["-1", "a", "b", "c"]).fit(X, written)
    assert listed.classes_.tolist() == ["-1", "a", "b", "c"]


class TestOneClassLeft:
    def test_minus_one_is_a_class(self):
        X, y = blobs(n_classes=2)
        for written in (2 * y - 1, (2 * y - 1).tolist(), 2.0 * y - 1):
            with pytest.raises(ValueError, match=r"one class, 1.*unlabeled=None.*classes="):
                campaign().fit(X, written)
        with pytest.raises(ValueError, match=r"classes lists -1.*unlabeled=None"):
            campaign(classes=[-1, 1]).fit(X, 2 * y - 1)

    def test_other_classes_may_be_announced(self):
        X, y = blobs()
        fitted = campaign(classes=[0, 1, 2, 3]).fit(X, np.where(y == 2, 2, -1))
        assert fitted.classes_.tolist() == [0, 1, 2, 3]


class TestClasses:
    @pytest.mark.parametrize(
        "classes",
        [
            ["a", "b", "c", "d"],
            np.array(["a", "b", "c", "d"], dtype=object),
            pd.Series(["d", "c", "b", "a", None, "a"]).unique(),
            pd.Series(["a", "b", "c", "d"], dtype="category").cat.categories,
            np.array(["a", "b", "c", "d"], dtype=np.dtypes.StringDType()),
        ],
    )
    def test_in_any_container(self, classes):
        X, y = blobs()
        fitted = campaign(classes=classes).fit(X, np.array(list("abcd"), dtype=object)[y])
        assert fitted.classes_.tolist() == ["a", "b", "c", "d"]

    @pytest.mark.parametrize(
        ("classes", "message"),
        [
            ([], "empty"),
            ([None], "empty"),
            ([b"a"], "bytes"),
            (["a", 1], "mixes"),
            (np.array([["a", "b"]]), "classes should be a 1d array"),
        ],
    )
    def test_refused(self, classes, message):
        X, y = blobs()
        with pytest.raises(ValueError, match=message):
            campaign(classes=classes).fit(X, y)


class TestOracle:
    @pytest.mark.parametrize("container", [list, tuple, as_objects, pd.Series])
    @pytest.mark.parametrize("mark", [None, np.nan, pd.NA, -1])
    def test_answers_in_any_container(self, container, mark):
        X, y = blobs()
        names = np.array(["ant", "bee", "cat", "dog"])

        def oracle(rows):
            return container([mark if row % 5 == 0 else str(names[y[row]]) for row in rows])

        fitted = campaign(classes=names, budget=30, n_initial=12).fit(X, oracle=oracle)
        assert (fitted.labeled_indices_ % 5 != 0).all()
        assert fitted.classes_.tolist() == names.tolist()

    def test_may_sort_what_it_is_given(self):
        X, y = blobs()

        def oracle(rows):
            asked = rows.copy()
            rows.sort()
            return y[asked]

        params = {"classes": range(4), "budget": 40, "n_initial": 12}
        fitted = campaign(**params).fit(X, oracle=oracle)
        np.testing.assert_array_equal(
            fitted.labeled_indices_, campaign(**params).fit(X, y).labeled_indices_
        )

    @pytest.mark.parametrize("answer", [None, 3, {1: 2}, np.zeros((12, 2), dtype=int)])
    def test_what_is_no_list_is_named_as_the_answer_of_the_oracle(self, answer):
        with pytest.raises(ValueError, match="the answer of the oracle should be a 1d array"):
            campaign(classes=range(4), n_initial=12).fit(blobs()[0], oracle=lambda rows: answer)

    def test_too_few_answers(self):
        with pytest.raises(ValueError, match="the answer of the oracle has 2 entries"):
            campaign(classes=range(4), n_initial=12).fit(blobs()[0], oracle=lambda rows: [0, 1])

    def test_sorting_the_answered_rows_mislabels_nothing(self):
        X, y = blobs()

        def oracle(rows):
            rows.sort()
            return y[rows]  # the labels of the sorted rows: a mistake, which shows

        fitted = campaign(classes=range(4), budget=40, n_initial=12).fit(X, oracle=oracle)
        assert len(np.unique(fitted.labeled_indices_)) == 40


class TestEvalSet:
    def test_unlabeled_rows_are_left_out(self):
        X, y = blobs()
        fitted = campaign().fit(X, y, eval_set=(X[:40], y[:40]))
        for mark in (-1, None, np.nan, pd.NA):
            marked = [*y[:40].tolist(), *[mark] * 40]
            other = campaign().fit(X, y, eval_set=(X, marked))
            for ours, theirs in zip(fitted.history_, other.history_, strict=True):
                assert ours["eval_accuracy"] == theirs["eval_accuracy"]

    @pytest.mark.parametrize(
        ("eval_set", "message"),
        [
            (lambda X, y: (X, [None] * 80), "eval_set has no labels"),
            (lambda X, y: (X, y[1:]), "y of eval_set has 79 entries"),
            (lambda X, y: (X, [f"class {c}" for c in y]), "write the classes in one way"),
            (lambda X, y: (X[:, :1], y), "features"),
            (lambda X, y: (["a.wav"], [0]), "these rows are a sequence of paths"),
            (lambda X, y: X, "tuple"),
        ],
    )
    def test_refused_before_any_training(self, eval_set, message):
        X, y = blobs()

        def no_training(record):
            raise AssertionError("trained")

        with pytest.raises(ValueError, match=message):
            campaign().fit(X, y, eval_set=eval_set(X, y), on_round=no_training)


class TestGroups:
    @pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
    def test_a_row_without_a_group_is_refused(self, missing):
        X, y = blobs()
        with pytest.raises(ValueError, match=r"no group for row 3 \(2 rows in total\)"):
            campaign().fit(X, y, groups=["a", "b", "c", missing, missing, *["a"] * 75])

    def test_mixed_groups_are_refused(self):
        X, y = blobs()
        with pytest.raises(ValueError, match="groups mixes text"):
            campaign().fit(X, y, groups=["a", *range(79)])

    def test_a_group_may_be_minus_one(self):
        X, y = blobs()
        campaign().fit(X, y, groups=pd.Series([-1] * 40 + [2] * 40, dtype="Int64"))


@pytest.mark.parametrize("name", ["sample_weight", "starts"])
@pytest.mark.parametrize("value", ["a", pd.NA])
def test_facts_that_are_no_numbers_are_named(name, value):
    X, y = blobs()
    with pytest.raises(ValueError, match=f"{name} must be numbers"):
        campaign().fit(X, y, **{name: [value] * 80})
