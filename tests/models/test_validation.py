"""Labels held out of a training, and the weights that were best on them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skal.models import CNNClassifier, DenseNet
from skal.models.engine.training.validation import BestWeights, hold_out
from tests.campaign.data import blobs


@given(
    codes=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
    data=st.data(),
)
def test_a_part_of_the_allowed_rows_and_never_the_last_of_a_class(codes, fraction, seed, data):
    codes = np.array(codes)
    n = len(codes)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    train, held_out = hold_out(codes, fraction, np.random.RandomState(seed), allowed)
    assert sorted([*train, *held_out]) == list(range(n))
    assert allowed[held_out].all()
    assert set(codes[allowed]) <= set(codes[train[allowed[train]]])
    n_spare = allowed.sum() - len(set(codes[allowed]))
    assert len(held_out) == min(int(fraction * allowed.sum()), n_spare)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 6), st.booleans()), min_size=1, max_size=40
    ),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
)
def test_groups_are_held_out_as_a_whole_or_not_at_all(rows, fraction, seed):
    codes, groups, allowed = (np.array(column) for column in zip(*rows, strict=True))
    names = np.array(list("abcdefg"))[groups]
    train, held_out = hold_out(codes, fraction, np.random.RandomState(seed), allowed, names)
    assert sorted([*train, *held_out]) == list(range(len(rows)))
    assert not set(names[train]) & set(names[held_out])
    assert allowed[held_out].all()
    assert set(codes[allowed]) <= set(codes[train[allowed[train]]])
    assert len(held_out) <= fraction * allowed.sum()


def test_a_share_of_less_than_one_sample_draws_nothing():
    random_state = np.random.RandomState(0)
    train, held_out = hold_out(np.zeros(9, dtype=int), 0.1, random_state)
    assert len(train) == 9
    assert len(held_out) == 0
    assert random_state.randint(1000) == np.random.RandomState(0).randint(1000)


class ScriptedEngine:
    """A network of one weight, whose answers are known for each of its values."""

    def __init__(self, answers):
        self.model, self._answers, self._weight = self, answers, 0

    def forward(self, X):
        return [np.array(self._answers[self._weight]), None]

    def get_weights(self):
        return self._weight

    def set_weights(self, weight):
        self._weight = weight

    def train(self, n_steps, per_call):
        for done in range(0, n_steps, per_call):
            self._weight = min(done + per_call, n_steps)
            yield np.zeros(self._weight - done)


SURE, UNSURE, WRONG = [[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.4, 0.6]], [[0.4, 0.6], [0.4, 0.6]]


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ({2: WRONG, 4: UNSURE, 5: WRONG}, 4),
        ({2: UNSURE, 4: SURE, 5: UNSURE}, 4),  # between equal accuracies, the lower log loss
        ({2: SURE, 4: SURE, 5: WRONG}, 2),  # the first of equals
        ({2: WRONG, 4: UNSURE, 5: SURE}, 5),
    ],
)
def test_the_best_weights_come_back(answers, kept):
    engine = ScriptedEngine(answers)
    best = BestWeights(engine, np.zeros((2, 1)), np.array([0, 1]))
    losses = list(best.watch(engine.train(5, 2), 5))
    assert [len(part) for part in losses] == [2, 2, 1]
    assert [step for step, _, _ in best.scores] == [2, 4, 5]
    assert engine.get_weights() == kept
    chosen = np.array(answers[kept])
    assert best.best[1] == np.mean(chosen.argmax(axis=1) == [0, 1])
    assert best.best[2] == pytest.approx(-np.log(chosen[[0, 1], [0, 1]]).mean())


def test_looks_are_few():
    engine = ScriptedEngine(dict.fromkeys(range(1, 1001), SURE))
    best = BestWeights(engine, np.zeros((2, 1)), np.array([0, 1]))
    list(best.watch(engine.train(1000, 1), 1000))
    assert [step for step, _, _ in best.scores] == list(range(50, 1001, 50))


def dense(**params):
    return CNNClassifier(
        DenseNet(units=(8,)), steps=60, learning_rate=1e-2, random_state=0, batch_size=16, **params
    )


@pytest.mark.parametrize("engine", ["keras", "tensorflow"])
def test_the_score_is_that_of_the_weights_kept(engine):
    X, y = blobs(120, n_classes=3)
    names = np.array(["owl", "frog", "rain"])[y]
    # Only these may validate, and they are no sounds that the others teach: labels at random.
    may = np.arange(120) >= 60
    names[may] = np.random.RandomState(0).permutation(names[may])
    fitted = dense(engine=engine, validation_fraction=0.99).fit(X, names, can_validate=may)
    curve = fitted.validation_curve_
    assert curve.shape == (4, 3)
    assert curve[-1, 0] == fitted.n_steps_ == 60
    assert fitted.validation_score_ == curve[:, 1].max()
    # 59 of these 60, and less those that keep a class alive, cannot be more than 60.
    n_right = np.sum(fitted.predict(X[may]) == names[may])
    assert 57 * fitted.validation_score_ <= n_right + 1e-6
    assert n_right <= 57 * fitted.validation_score_ + 3 + 1e-6
    again = dense(engine=engine, validation_fraction=0.99).fit(X, names, can_validate=may)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_held_out_samples_are_not_trained_on(monkeypatch):
    X, y = blobs(60, n_classes=2)
    train, held_out = np.arange(40), np.arange(40, 60)
    monkeypatch.setattr("skal.models.cnn.hold_out", lambda *_: (train, held_out))
    others = X.copy()
    others[held_out] += 100
    curves = [
        dense(validation_fraction=0.3).fit_normalization(X).fit(given, y).loss_curve_
        for given in (X, others)
    ]
    np.testing.assert_array_equal(*curves)
    others[train] += 100
    changed = dense(validation_fraction=0.3).fit_normalization(X).fit(others, y).loss_curve_
    assert not np.array_equal(curves[0], changed)


def test_without_a_share_there_is_no_curve_and_the_same_fit():
    X, y = blobs(9, n_classes=3)
    plain = dense().fit(X, y)
    assert plain.validation_curve_ is None
    assert plain.validation_score_ is None
    too_few = dense(validation_fraction=0.1).fit(X, y)
    assert too_few.validation_score_ is None
    np.testing.assert_array_equal(plain.predict_proba(X), too_few.predict_proba(X))


def test_classes_of_one_label_and_labels_of_one_class():
    X, y = blobs(30, n_classes=3)
    y[y == 2] = 0
    y[0] = 2
    fitted = dense(validation_fraction=0.5).fit(X, y)
    assert set(fitted.classes_) == {0, 1, 2}
    assert fitted.validation_score_ is not None
    alone = dense(validation_fraction=0.5).fit(X, np.zeros(30))
    assert alone.validation_score_ is None
    assert (alone.predict(X) == 0).all()


def test_wrong_shares_are_named():
    X, y = blobs(30, n_classes=3)
    with pytest.raises(ValueError, match="validation_fraction"):
        dense(validation_fraction=1.0).fit(X, y)


def test_normalization_from_samples_without_labels():
    rng = np.random.RandomState(0)
    X = rng.normal(3, 2, size=(40, 5)).astype(np.float32)
    pool = rng.normal(-1, 4, size=(300, 5)).astype(np.float32)
    y = np.arange(40) % 2
    fitted = dense().fit_normalization(pool).fit(X, y)
    np.testing.assert_allclose(fitted._mean, pool.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(fitted._variance, pool.var(axis=0), rtol=1e-5)
    forgotten = clone(fitted).fit(X, y)
    np.testing.assert_allclose(forgotten._mean, X.mean(axis=0), rtol=1e-5)
    with pytest.raises(ValueError, match="5"):
        fitted.fit(X[:, :3], y)
