"""Campaigns around the caller's own embedding: its rows are computed once, not every round."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal import ActiveLearningClassifier
from skal.campaign.training.remembered_features import Remembered
from skal.strategies import MaxHerding

ASKED = []


def row_of(path):
    rng = np.random.default_rng(int(path.rsplit("-", 1)[1]))
    return rng.normal(size=4) + 2 * (path[0] == "a")


class Embedding(TransformerMixin, BaseEstimator):
    """An embedding as somebody else would write it."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        ASKED.extend(X)
        return self.scale * np.stack([row_of(path) for path in X])


class Duck:
    """An embedding that knows nothing of scikit-learn."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        ASKED.extend(X)
        return np.stack([row_of(path) for path in X])


X = [f"{'ab'[i % 2]}/sound-{i}" for i in range(60)]
Y = np.array([path[0] for path in X])


def campaign(step, **changes):
    return ActiveLearningClassifier(
        make_pipeline(step, LogisticRegression()),
        **{"n_initial": 10, "n_instances": 10, "budget": 40, "random_state": 0} | changes,
    )


@pytest.mark.parametrize("step", [Embedding(), Duck()], ids=["estimator", "duck"])
def test_rows_are_computed_once(step, monkeypatch):
    ASKED.clear()
    fitted = campaign(step, initial_strategy=MaxHerding()).fit(X, Y)
    assert len(fitted.history_) == 4
    # A few more than once: what tries the steps, before any round.
    assert len(ASKED) <= len(X) + 20
    assert fitted.score(X, Y) > 0.9


class Tensor:
    """Rows of another library: NumPy can read them, but they are no array."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.rows, dtype)


CONTAINERS = {
    "list": np.ndarray.tolist,
    "list of rows": list,
    "tensor": Tensor,
    "matrix": sparse.csc_matrix,
    "sparse array": sparse.coo_array,
    "frame": lambda rows: pd.DataFrame(rows, columns=list("abcd")),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_rows_in_any_container_are_computed_once(kind):
    class InIt(Embedding):
        def transform(self, X):
            return CONTAINERS[kind](super().transform(X))

    ASKED.clear()
    fitted = campaign(InIt()).fit(X, Y)
    assert len(ASKED) <= len(X) + 20
    plain = campaign(Embedding()).fit(X, Y)
    np.testing.assert_array_equal(fitted.labeled_indices_, plain.labeled_indices_)
    step, order = Remembered(InIt()), np.array([3, 0, 4, 1, 2, 3])
    step.transform(X[2:4])
    step.transform(X[:3])
    some = step.transform([X[i] for i in order])
    some = some.toarray() if sparse.issparse(some) else np.asarray(some)
    np.testing.assert_array_equal(some, [row_of(X[i]) for i in order])


def test_texts_stay_a_list():
    class Words(Embedding):
        def transform(self, X):
            ASKED.extend(X)
            return [f"{path[0]} word" for path in X]

    step = Remembered(Words())
    assert step.transform(X[:2]) == ["a word", "b word"]
    assert step.transform(X[:3]) == ["a word", "b word", "a word"]


def test_the_same_rounds_as_with_rows_computed_before():
    rows = np.stack([row_of(path) for path in X])
    alone = ActiveLearningClassifier(
        LogisticRegression(), n_initial=10, n_instances=10, budget=40, random_state=0
    ).fit(rows, Y)
    np.testing.assert_array_equal(
        campaign(Embedding()).fit(X, Y).labeled_indices_, alone.labeled_indices_
    )


def test_a_pickle_and_a_checkpoint_hold_the_transformer_itself(tmp_path):
    fitted = campaign(Embedding(2.0), checkpoint=tmp_path / "c").fit(X, Y)
    step = fitted.estimator_.steps[0][1]
    assert step.scale == 2.0 and "Embedding(scale=2.0)" in repr(fitted.estimator_)
    assert fitted.estimator_.get_params()["embedding__scale"] == 2.0
    again = pickle.loads(pickle.dumps(fitted.estimator_))
    assert type(again.steps[0][1]) is Embedding
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    ASKED.clear()
    resumed = campaign(Embedding(2.0), checkpoint=tmp_path / "c", budget=60).fit(X, Y)
    assert len(resumed.history_) == 6 and len(ASKED) <= len(X) + 20


def test_other_parameters_give_other_rows():
    step = Remembered(Embedding())
    first = step.transform(X[:5])
    np.testing.assert_array_equal(step.transform(X[:3]), first[:3])
    np.testing.assert_array_equal(step.set_params(scale=3.0).transform(X[:5]), 3 * first)


def test_windows_of_recordings():
    class OfWindows(Embedding):
        def transform(self, X):
            return np.stack(
                [row_of(f"{path}-{start}") + end - start - 1 for path, start, end in X]
            )

    windows = [(f"{'ab'[i % 2]}/sound", i, i + 1) for i in range(60)]
    fitted = campaign(OfWindows(), budget=None).fit(windows, [*Y[:20], *[None] * 40])
    np.testing.assert_array_equal(
        fitted.query(), campaign(Embedding(), budget=None).fit(X, [*Y[:20], *[None] * 40]).query()
    )
    asked = fitted.query(windows[30:], n_instances=3)
    fitted.teach([windows[30 + i] for i in asked], Y[30:][asked])
    assert fitted.history_[-1]["n_labeled"] == 23


def test_a_recording_that_was_written_anew_is_read_anew(tmp_path):
    class Sizes(Embedding):
        def transform(self, X):
            return np.array([[os.path.getsize(path), 1.0] for path in X])

    path = tmp_path / "live.wav"
    step = Remembered(Sizes())
    for content in (b"one", b"three", b"eleven"):
        path.write_bytes(content)
        assert step.transform([str(path)])[0, 0] == len(content)


def test_rows_of_different_lengths_get_the_error_of_the_transformer(tmp_path):
    class AsLong(Embedding):
        def transform(self, X):
            lengths = {len(path) for path in X}
            if len(lengths) > 1:
                raise ValueError("recordings of different lengths: give duration=")
            return np.ones((len(X), *lengths))

    step = Remembered(AsLong())
    step.transform(["a", "b"])
    step.transform(["long", "name"])
    with pytest.raises(ValueError, match="give duration="):
        step.transform(["a", "long"])


def test_what_does_not_fit_is_computed_whenever_it_is_needed(monkeypatch):
    monkeypatch.setattr("skal.campaign.training.remembered_features._BYTES", 8 * 4 * 10)
    step = Remembered(Embedding())
    for _ in range(2):
        ASKED.clear()
        np.testing.assert_array_equal(step.transform(X[:15]), [row_of(path) for path in X[:15]])
        assert len(step.rows) == 10
    assert X[10:15] == ASKED


def test_what_learns_from_rows_is_fitted_in_every_round():
    words = [f"{path} {path[0]}{i % 5}" for i, path in enumerate(X)]
    fitted = campaign(TfidfVectorizer()).fit(words, Y)
    assert type(fitted.estimator_.steps[0][1]) is TfidfVectorizer
