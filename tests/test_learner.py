"""The window on a classifier: views of rows, passes, stand-ins, errors."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skal import learner as learner_module
from skal._utils.estimators.ensembles import expand_columns
from skal._utils.rows.lazy import Rows, as_rows, n_rows
from skal.learner import Learner, UnsupportedStrategyError, check_supported
from tests.strategies.fakes import FakeNet, JointFakeNet


@pytest.fixture
def X():
    return np.random.RandomState(0).randn(50, 4)


@pytest.fixture
def y():
    return np.array(["a", "b", "c"])[np.arange(50) % 3]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(learner_module, "_BLOCK", 7)
    monkeypatch.setattr(learner_module, "_NUMBERS", 1)


class Counting(FakeNet):
    """Notes how many rows each method is given."""

    def fit(self, X, y):
        self.asked_ = {"proba": [], "embed": []}
        return super().fit(X, y)

    def predict_proba(self, X):
        self.asked_["proba"].append(len(X))
        return super().predict_proba(X)

    def embed(self, X):
        self.asked_["embed"].append(len(X))
        return super().embed(X)


class CountingJoint(JointFakeNet):
    """Notes how many rows pass through it."""

    def fit(self, X, y):
        self.passed_ = []
        return super().fit(X, y)

    def predict_proba_embed(self, X):
        self.passed_.append(len(X))
        return super().predict_proba_embed(X)


class TestRows:
    @pytest.mark.parametrize("kind", ["array", "frame", "list"])
    def test_is_a_view_that_indexes_like_an_array(self, X, kind):
        base = {"array": X, "frame": pd.DataFrame(X), "list": list(X)}[kind]
        positions = np.array([5, 3, 40, 3])
        rows = Rows(base, positions)
        assert len(rows) == n_rows(rows) == 4
        assert as_rows(rows) is rows
        np.testing.assert_array_equal(np.asarray(rows), X[positions])
        np.testing.assert_array_equal(np.asarray(rows[2]), X[40])
        np.testing.assert_array_equal(np.asarray(rows[-1]), X[3])
        np.testing.assert_array_equal(np.asarray(rows[1:3]), X[[3, 40]])
        np.testing.assert_array_equal(np.asarray(rows[np.array([2, 0])]), X[[40, 5]])
        mask = np.array([True, False, False, True])
        np.testing.assert_array_equal(np.asarray(rows[mask]), X[[5, 3]])
        assert type(rows.take()) is type(base)
        if kind != "list":
            assert rows.shape == (4, 4) and rows.ndim == 2

    def test_everything_is_not_copied(self, X):
        assert as_rows(X).take() is X
        assert Rows(X, np.arange(50)[::-1]).take() is not X

    def test_blocks_cover_the_rows_once(self, X):
        blocks = list(Rows(X, np.arange(10, 40)).blocks(7))
        assert [len(block) for block in blocks] == [7, 7, 7, 7, 2]
        np.testing.assert_array_equal(np.concatenate(blocks), X[10:40])

    def test_becomes_an_array_of_the_type_wanted(self, X):
        rows = as_rows(X)
        assert np.asarray(rows, dtype=np.float32).dtype == np.float32
        copy = np.array(rows)
        copy[0] = 9
        assert (X[0] != 9).all()

    def test_rows_of_paths(self):
        rows = Rows(["a.wav", "b.wav", "c.wav"], np.array([2, 0]))
        assert rows.take() == ["c.wav", "a.wav"]
        assert rows[0] == "c.wav"
        assert rows.shape[0] == 2


class TestPasses:
    def test_blocks_give_the_same_as_one_pass(self, X, y, small_blocks):
        net = FakeNet().fit(X, y)
        learner = Learner(net)
        np.testing.assert_allclose(learner.predict_proba(X), net.predict_proba(X))
        np.testing.assert_allclose(learner.embed(X), net.embed(X))
        np.testing.assert_allclose(learner.gradient_length(X), net.gradient_length(X))
        samples = learner.sample_proba(X, 3, random_state=5)
        seed = np.random.RandomState(5).randint(np.iinfo(np.int32).max)
        np.testing.assert_allclose(samples, net.sample_proba(X, 3, random_state=seed))
        assert learner.augment_proba(X, 2, 0).shape == (2, 50, 3)

    def test_a_row_is_computed_once_in_whatever_subset(self, X, y):
        net = Counting().fit(X, y)
        learner = Learner(net)
        expected = net.predict_proba(X)
        net.asked_["proba"].clear()
        for positions in [[3, 9, 3], [9, 1], np.arange(50), [40, 2], np.arange(50)[::-1]]:
            rows = Rows(X, np.asarray(positions))
            np.testing.assert_allclose(learner.predict_proba(rows), expected[positions])
        np.testing.assert_allclose(learner.predict_proba(X), expected)
        assert sum(net.asked_["proba"]) <= 51  # row 3 stood twice in the first subset
        assert len(net.asked_["proba"]) == 3

    @pytest.mark.parametrize("needs", [(), ("predict_proba", "embed")])
    def test_one_pass_gives_both_where_both_are_needed(self, X, y, needs):
        net = CountingJoint().fit(X, y)
        learner = Learner(net, needs=needs)
        half, everything = Rows(X, np.arange(0, 50, 2)), as_rows(X)
        for rows in (half, everything, half):
            np.testing.assert_allclose(learner.predict_proba(rows), net.predict_proba(rows))
            np.testing.assert_allclose(learner.embed(rows), net.embed(rows))
        assert sum(net.passed_) == 50

    def test_only_probabilities_do_not_cost_the_joint_pass(self, X, y):
        net = CountingJoint().fit(X, y)
        Learner(net, needs=["predict_proba"]).predict_proba(X)
        assert net.passed_ == []

    def test_answers_are_read_only_and_arrays_of_the_model_are_not(self, X, y):
        class Keeping(FakeNet):
            def predict_proba(self, X):
                self.kept_ = super().predict_proba(X)
                return self.kept_

        net = Keeping().fit(X, y)
        proba = Learner(net).predict_proba(X)
        with pytest.raises(ValueError, match="read-only"):
            proba[0] = 1
        net.kept_[0] = 0.5
        Learner(LogisticRegression().fit(X, y)).embed(X)
        X[0] = 0

    def test_different_arrays_have_different_answers(self, X, y):
        net = FakeNet().fit(X, y)
        learner = Learner(net)
        for array in (X, X + 1, X * 2):
            np.testing.assert_allclose(learner.predict_proba(array), net.predict_proba(array))

    def test_no_rows(self, X, y):
        learner = Learner(FakeNet().fit(X, y))
        assert learner.predict_proba(X[:0]).shape == (0, 3)
        assert len(learner.embed(X[:0])) == 0


class TestPipelines:
    def test_the_last_step_is_asked_behind_the_transformers(self, X, y, small_blocks):
        model = make_pipeline(StandardScaler(), "passthrough", FakeNet()).fit(X + 5, y)
        inner, scaled = model[-1], model[0].transform(X)
        learner = Learner(model)
        np.testing.assert_allclose(learner.predict_proba(X), model.predict_proba(X))
        np.testing.assert_allclose(learner.embed(X), inner.embed(scaled))
        np.testing.assert_allclose(learner.gradient_length(X), inner.gradient_length(scaled))

    def test_embedding_of_a_plain_model_is_its_features(self, X, y):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X + 5, y)
        np.testing.assert_allclose(Learner(model).embed(X), model[0].transform(X))
        stacked = X.reshape(50, 2, 2)
        np.testing.assert_array_equal(Learner(LogisticRegression()).embed(stacked), X)

    def test_frames_reach_the_model_as_frames(self, X, y):
        frame = pd.DataFrame(X, columns=list("abcd"))
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, y)
        learner = Learner(model)
        rows = Rows(frame, np.array([4, 2]))
        np.testing.assert_allclose(
            learner.predict_proba(rows), model.predict_proba(frame.iloc[[4, 2]])
        )

    def test_an_embedding_of_paths_is_refused(self, y):
        with pytest.raises(UnsupportedStrategyError, match="LogMelSpectrogram"):
            Learner(LogisticRegression()).embed([f"{i}.wav" for i in range(50)])
        waveforms = [np.zeros(3), np.zeros(5)]
        with pytest.raises(UnsupportedStrategyError, match="LogMelSpectrogram"):
            Learner(LogisticRegression()).embed(waveforms)


class TestWithoutModel:
    def test_embeds_features_and_refuses_the_rest(self, X):
        learner = Learner.without_model(FakeNet(), X)
        np.testing.assert_array_equal(learner.embed(X), X)
        for ask in [
            learner.predict_proba,
            learner.gradient_length,
            lambda X: learner.sample_proba(X, 2),
            lambda X: learner.augment_proba(X, 2),
            lambda X: learner.classes_,
        ]:
            with pytest.raises(NotFittedError, match="RandomSampling"):
                ask(X)

    def test_fits_clones_of_the_transformers(self, X):
        model = make_pipeline(StandardScaler(), FakeNet())
        embedding = Learner.without_model(model, X + 3).embed(X + 3)
        np.testing.assert_allclose(embedding.mean(axis=0), 0, atol=1e-12)
        assert not hasattr(model[0], "mean_")

    def test_a_pipeline_of_a_model_alone(self, X):
        learner = Learner.without_model(Pipeline([("net", FakeNet())]), X)
        np.testing.assert_array_equal(learner.embed(X), X)


ENSEMBLES = [
    RandomForestClassifier(7, max_depth=3, random_state=0),
    ExtraTreesClassifier(7, max_depth=3, random_state=0),
    BaggingClassifier(GaussianNB(), 7, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(), 7, max_features=0.5, random_state=0),
    AdaBoostClassifier(n_estimators=7, random_state=0),
    VotingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier(max_depth=2))]),
]


class TestEnsembles:
    @pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda e: type(e).__name__)
    @pytest.mark.parametrize("frame", [False, True])
    def test_samples_are_the_members(self, ensemble, frame, X, y, small_blocks):
        X = pd.DataFrame(X, columns=list("abcd")) if frame else X
        ensemble.fit(X, y)
        learner = Learner(ensemble, classes=np.array(["a", "b", "bb", "c"]))
        samples = learner.sample_proba(X, 100, random_state=0)
        assert samples.shape == (len(ensemble.estimators_), 50, 4)
        np.testing.assert_allclose(samples.sum(axis=2), 1)
        assert (samples[:, :, 2] == 0).all()
        if not isinstance(ensemble, (AdaBoostClassifier, VotingClassifier)):
            mean = samples[:, :, [0, 1, 3]].mean(axis=0)
            np.testing.assert_allclose(mean, ensemble.predict_proba(X))

    def test_members_are_drawn_without_replacement(self, X, y):
        forest = RandomForestClassifier(9, random_state=0).fit(X, y)
        learner = Learner(forest)
        few = learner.sample_proba(X, 4, random_state=1)
        every = learner.sample_proba(X, 9, random_state=1)
        matches = (few[:, None] == every[None]).all(axis=(2, 3))
        assert matches.any(axis=1).all()
        np.testing.assert_array_equal(few, learner.sample_proba(X, 4, random_state=1))

    def test_a_member_that_never_saw_a_class(self, X, y):
        member = KNeighborsClassifier(1)
        bagging = BaggingClassifier(member, 12, max_samples=4, random_state=0).fit(X, y)
        assert min(len(member.classes_) for member in bagging.estimators_) < 3
        mean = Learner(bagging).sample_proba(X, 12).mean(axis=0)
        np.testing.assert_allclose(mean, bagging.predict_proba(X))


class TestSupport:
    @pytest.mark.parametrize(
        ("model", "needs"),
        [
            (LinearSVC(), ["predict_proba"]),
            (LogisticRegression(), ["sample_proba"]),
            (LogisticRegression(), ["gradient_length"]),
            (make_pipeline(StandardScaler(), LogisticRegression()), ["augment"]),
        ],
    )
    def test_what_is_missing_is_named(self, model, needs):
        name = type(model[-1] if isinstance(model, Pipeline) else model).__name__
        with pytest.raises(UnsupportedStrategyError, match=f"FakeNet needs {needs[0]}.*{name}"):
            check_supported(model, needs, FakeNet())

    def test_what_is_there_is_accepted(self):
        everything = ["predict_proba", "embed", "sample_proba", "gradient_length", "augment"]
        check_supported(FakeNet(), everything, self)
        check_supported(make_pipeline(StandardScaler(), FakeNet()), everything, self)
        check_supported(LogisticRegression(), ["predict_proba", "embed"], self)
        check_supported(RandomForestClassifier(), ["predict_proba", "sample_proba"], self)

    def test_asking_for_what_is_missing_is_refused_too(self, X, y):
        learner = Learner(LogisticRegression().fit(X, y))
        with pytest.raises(UnsupportedStrategyError, match="sample_proba"):
            learner.sample_proba(X, 2)
        with pytest.raises(UnsupportedStrategyError, match="augment"):
            learner.augment_proba(X, 2)
        with pytest.raises(UnsupportedStrategyError, match="gradient_length"):
            learner.gradient_length(X)


class TestColumns:
    @pytest.mark.parametrize("wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
    def test_every_class_of_the_task_has_its_column(self, X, y, wrap):
        classes = np.array(["a", "aa", "b", "c", "d"])
        model = wrap(FakeNet()).fit(X, y)
        learner = Learner(model, classes)
        proba = learner.predict_proba(X)
        np.testing.assert_allclose(proba[:, [0, 2, 3]], model.predict_proba(X))
        assert (proba[:, [1, 4]] == 0).all()
        assert learner.sample_proba(X, 2).shape == (2, 50, 5)
        assert learner.augment_proba(X, 2).shape == (2, 50, 5)
        np.testing.assert_array_equal(learner.classes_, classes)

    def test_expansion_keeps_the_type_and_any_axes(self):
        proba = np.full((2, 3, 2), 0.5, dtype=np.float32)
        full = expand_columns(proba, np.array([1, 7]), np.array([1, 3, 7]))
        assert full.dtype == np.float32
        assert full[0, 0].tolist() == [0.5, 0, 0.5]
        assert expand_columns(proba, np.array([1, 7]), np.array([1, 7])) is proba


def test_given_augmentation_meets_rows_as_they_are(X, y):
    names = [f"clip {i}" for i in range(50)]
    table = dict(zip(names, X, strict=True))
    lookup = FunctionTransformer(lambda keys: np.array([table[k.strip("!")] for k in keys]))
    model = make_pipeline(lookup, FakeNet()).fit(names, y)
    learner = Learner(model)
    copies = learner.augment_proba(names, 2, augment=lambda keys, rng: [f"{k}!" for k in keys])
    np.testing.assert_allclose(copies, np.stack([model.predict_proba(names)] * 2))
