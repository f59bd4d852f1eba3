"""The contract of ActiveLearningClassifier: positions, labels, seeds, reasons to stop."""

import copy
import itertools
import pickle
import types

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from skal import ActiveLearningClassifier
from skal.learner import UnsupportedStrategyError
from skal.strategies import (
    CoreSet,
    EntropySampling,
    LeastConfidenceSampling,
    MarginSampling,
    MinimumGap,
    QueryStrategy,
    RandomSampling,
)
from tests.campaign.data import blobs, model, permute_hidden

STRATEGIES = [
    MarginSampling(),
    EntropySampling(),
    LeastConfidenceSampling(),
    RandomSampling(),
    lambda learner, X_pool, n: np.argsort(learner.predict_proba(X_pool).max(axis=1))[:n],
]


def campaign(**params):
    defaults = {"n_initial": 8, "n_instances": 6, "budget": 32, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


class TestSimulation:
    def test_asks_in_rounds_until_the_budget_is_spent(self):
        X, y = blobs()
        fitted = campaign().fit(X, y, eval_set=(X, y))
        assert [record["n_labeled"] for record in fitted.history_] == [8, 14, 20, 26, 32]
        assert fitted.n_rounds_ == 4
        assert fitted.stop_reason_ == "the budget of 32 labels is spent"
        asked = np.concatenate([record["indices"] for record in fitted.history_])
        np.testing.assert_array_equal(fitted.labeled_indices_, asked)
        assert len(np.unique(asked)) == 32

    def test_the_record_says_how_long_each_choice_and_training_took(self, monkeypatch):
        ticks = itertools.count()
        clock = types.SimpleNamespace(perf_counter=lambda: float(next(ticks)))
        monkeypatch.setattr("skal.campaign.rounds.time", clock)
        X, y = blobs()
        script = campaign().fit(X, np.where(np.arange(80) < 20, y, -1))
        asked = script.query()
        script.teach(indices=asked, y=y[asked])
        rest = np.setdiff1d(np.arange(80), script.labeled_indices_)[:2]
        script.teach(indices=rest, y=y[rest])
        assert [record["seconds_query"] for record in script.history_] == [0, 1, 0]
        assert [record["seconds_fit"] for record in script.history_] == [1, 1, 1]
        played = campaign().fit(X, y)
        assert [record["seconds_query"] for record in played.history_] == [1] * 5

    def test_last_round_asks_for_what_the_budget_leaves(self):
        X, y = blobs()
        fitted = campaign(budget=25).fit(X, y)
        assert [record["n_new_labeled"] for record in fitted.history_] == [8, 6, 6, 5]

    def test_shares_refer_to_all_rows(self):
        X, y = blobs(50)
        fitted = campaign(n_initial=0.1, n_instances=0.05, budget=0.25).fit(X, y)
        assert [record["n_labeled"] for record in fitted.history_] == [5, 8, 11, 13]

    def test_no_budget_empties_the_pool(self):
        X, y = blobs(30)
        fitted = campaign(budget=None).fit(X, y)
        assert fitted.stop_reason_ == "the pool is empty"
        np.testing.assert_array_equal(np.sort(fitted.labeled_indices_), np.arange(30))
        assert fitted.query().shape == (0,)

    def test_max_rounds(self):
        X, y = blobs()
        fitted = campaign(max_rounds=2).fit(X, y)
        assert fitted.n_rounds_ == 2
        assert fitted.stop_reason_ == "max_rounds=2 is reached"
        assert len(campaign(max_rounds=0).fit(X, y).history_) == 1

    def test_a_strategy_that_asks_for_nothing_ends_the_campaign(self):
        X, y = blobs()
        fitted = campaign(strategy=lambda learner, X_pool, n: []).fit(X, y)
        assert fitted.stop_reason_ == "the strategy returned no rows"

    def test_starts_and_groups_given_to_fit_reach_the_strategy(self):
        X, y = blobs()
        starts = np.random.RandomState(0).permutation(len(X)) * 1.0
        fitted = campaign(
            strategy=MinimumGap(MarginSampling(), gap=6.0), budget=None, max_rounds=4
        )
        fitted.fit(X, y, groups=np.zeros(len(X)), starts=starts)
        for record in fitted.history_[1:]:
            assert np.diff(np.sort(starts[record["indices"]])).min() >= 6

    def test_the_record_holds_what_an_independent_computation_gives(self):
        X, y = blobs()
        fitted = campaign().fit(X, y, eval_set=(X, y))
        assert fitted.history_[-1]["eval_accuracy"] == fitted.score(X, y)
        by_hand = model().set_params(**fitted.estimator_.get_params())
        labeled = fitted.labeled_indices_
        np.testing.assert_allclose(
            by_hand.fit(X[labeled], y[labeled]).predict_proba(X), fitted.predict_proba(X)
        )

    def test_eval_set_changes_no_query(self):
        X, y = blobs()
        with_it = campaign().fit(X, y, eval_set=(X[:20], 1 - y[:20]))
        np.testing.assert_array_equal(
            with_it.labeled_indices_, campaign().fit(X, y).labeled_indices_
        )

    def test_on_round_sees_each_record(self):
        X, y = blobs()
        seen = []
        fitted = campaign().fit(X, y, on_round=seen.append)
        assert [record["round"] for record in seen] == list(range(len(fitted.history_)))
        for record in seen:
            record["indices"][:] = -1  # they are copies
        np.testing.assert_array_equal(
            np.concatenate([record["indices"] for record in fitted.history_]),
            fitted.labeled_indices_,
        )

    def test_verbose_prints_a_line_a_round(self, capsys):
        X, y = blobs()
        campaign(verbose=1, max_rounds=1).fit(X, y, eval_set=(X, y))
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert lines[0].startswith("round 0: 8 labels, accuracy 0.")


class TestHiddenLabels:
    @given(seed=st.integers(0, 10_000), which=st.integers(0, len(STRATEGIES) - 1))
    @settings(max_examples=25)
    def test_influence_nothing(self, seed, which):
        X, y = blobs()
        first = campaign(strategy=STRATEGIES[which], random_state=seed).fit(X, y)
        permuted = permute_hidden(y, first.labeled_indices_, seed)
        second = campaign(strategy=STRATEGIES[which], random_state=seed).fit(X, permuted)
        np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
        np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))

    def test_labels_of_round_k_influence_only_later_rounds(self):
        X, y = blobs()
        first = campaign().fit(X, y)
        early = first.history_[0]["indices"]
        second = campaign().fit(X, permute_hidden(y, early, 1))
        for record in (0, 1):
            np.testing.assert_array_equal(
                first.history_[record]["indices"], second.history_[record]["indices"]
            )

    def test_are_not_seen_by_a_strategy(self):
        X, y = blobs()

        class Spy(RandomSampling):
            def select(self, learner, X, n_instances, *, X_labeled, y_labeled, **rest):
                np.testing.assert_array_equal(y[X_labeled.positions], y_labeled)
                assert np.intersect1d(X.positions, X_labeled.positions).size == 0
                return super().select(
                    learner, X, n_instances, X_labeled=X_labeled, y_labeled=y_labeled, **rest
                )

        assert campaign(strategy=Spy()).fit(X, y).n_rounds_ == 4


class TestSeeds:
    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_same_seed_same_queries(self, strategy):
        X, y = blobs()
        first = campaign(strategy=strategy).fit(X, y)
        second = clone(first).fit(X, y)
        np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)

    def test_different_seeds_differ(self):
        X, y = blobs()
        runs = [campaign(random_state=seed).fit(X, y).labeled_indices_ for seed in (0, 1)]
        assert not np.array_equal(*runs)

    def test_global_state_is_left_alone(self):
        X, y = blobs()
        np.random.seed(3)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        campaign().fit(X, y)
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_each_round_trains_with_its_own_seed(self):
        X, y = blobs()
        seeds = []

        class Recorder(type(model())):
            def fit(self, X, y, sample_weight=None):
                seeds.append(self.random_state)
                return super().fit(X, y, sample_weight)

        ActiveLearningClassifier(Recorder(), n_initial=8, budget=32, random_state=0).fit(X, y)
        assert len(set(seeds)) == len(seeds) > 1


class TestOtherWaysIn:
    def test_script_and_oracle_ask_what_the_simulation_asks(self):
        X, y = blobs()
        simulated = campaign().fit(X, y)
        asked = campaign(classes=np.unique(y)).fit(X, oracle=lambda rows: y[rows])
        np.testing.assert_array_equal(simulated.labeled_indices_, asked.labeled_indices_)
        script = campaign(classes=np.unique(y)).fit(X, [None] * len(y))
        indices = script.query(n_instances=8)
        while len(script.labeled_indices_) < 32:
            script.teach(indices=indices, y=y[indices])
            indices = script.query()
        np.testing.assert_array_equal(simulated.labeled_indices_, script.labeled_indices_)
        np.testing.assert_array_equal(simulated.predict(X), script.predict(X))
        np.testing.assert_array_equal(
            simulated.history_[2]["scores"], script.history_[2]["scores"]
        )

    def test_partial_labels_train_one_model_and_wait(self):
        X, y = blobs()
        known = np.where(np.arange(len(y)) % 4 == 0, y, -1)
        fitted = campaign().fit(X, known)
        assert fitted.stop_reason_.startswith("waiting for labels")
        np.testing.assert_array_equal(fitted.labeled_indices_, np.arange(0, 80, 4))
        assert len(fitted.history_) == 1
        indices = fitted.query()
        assert (indices % 4 != 0).all()
        np.testing.assert_array_equal(indices, fitted.query())

    @pytest.mark.parametrize(
        "mark", [-1, None, np.nan, "?"], ids=["minus one", "None", "NaN", "text"]
    )
    def test_marks_of_unlabeled_rows(self, mark):
        X, y = blobs()
        labels = [mark if i % 3 else f"c{c}" for i, c in enumerate(y)]
        unlabeled = mark if mark in (-1, "?") else -1
        y_partial = np.array(labels, dtype=object)
        fitted = campaign(unlabeled=unlabeled).fit(X, y_partial)
        assert list(fitted.classes_) == ["c0", "c1", "c2", "c3"]
        assert len(fitted.labeled_indices_) == 27

    def test_minus_one_is_a_class_if_asked(self):
        X, y = blobs(n_classes=2)
        fitted = campaign(unlabeled=None).fit(X, 2 * y - 1)
        assert list(fitted.classes_) == [-1, 1]

    def test_rows_that_nobody_can_tell_leave_the_pool_unlabeled(self):
        X, y = blobs(40)
        answers = np.where(np.arange(40) % 2, y, -1)
        fitted = campaign(classes=np.unique(y), budget=None).fit(
            X, oracle=lambda rows: answers[rows]
        )
        np.testing.assert_array_equal(np.sort(fitted.labeled_indices_), np.arange(1, 40, 2))
        assert fitted.stop_reason_.startswith("the pool is empty, and 20 of its rows")

    def test_an_oracle_is_asked_for_what_is_not_known_yet(self):
        X, y = blobs()
        asked = []
        fitted = campaign(budget=30).fit(
            X,
            np.where(np.arange(80) < 20, y, -1),
            oracle=lambda rows: asked.extend(rows) or y[rows],
        )
        np.testing.assert_array_equal(fitted.labeled_indices_, [*range(20), *asked])
        assert [record["n_labeled"] for record in fitted.history_] == [20, 26, 30]

    def test_an_oracle_that_can_tell_nothing_leaves_no_model(self):
        X, _ = blobs(20)
        fitted = campaign(classes=[0, 1]).fit(X, oracle=lambda rows: np.full(len(rows), -1))
        assert fitted.history_ == []
        message = "no row of X has a label: 20 rows were asked about, but all answers were"
        for ask in (fitted.predict, fitted.predict_proba, fitted.query, fitted.staged_predict):
            with pytest.raises(NotFittedError, match=message):
                list(ask(X))

    def test_a_campaign_that_waits_for_its_first_labels_says_so(self):
        X, _ = blobs(20)
        fitted = campaign(classes=[0, 1]).fit(X, np.full(20, -1))
        with pytest.raises(NotFittedError, match=r"no row of X has a label yet: .*teach\(\)"):
            fitted.predict(X)
        with pytest.raises(NotFittedError, match="not fitted yet"):
            campaign().predict(X)

    def test_rows_from_outside(self):
        X, y = blobs()
        partial = np.where(np.arange(len(y)) < 12, y, -1)
        fitted = campaign().fit(X, partial)
        fitted.teach(X[:5] + 1, y[:5])
        assert fitted.history_[-1]["n_labeled"] == 17
        assert len(fitted.labeled_indices_) == 12
        by_hand = clone(fitted.estimator_)
        by_hand.fit(np.r_[X[:12], X[:5] + 1], np.r_[y[:12], y[:5]])
        np.testing.assert_allclose(by_hand.predict_proba(X), fitted.predict_proba(X))

    def test_candidates_from_outside(self):
        X, y = blobs()
        fitted = campaign().fit(X, y)
        new = blobs(15, seed=3)[0]
        indices = fitted.query(new, n_instances=20)
        assert sorted(indices) == list(range(15))
        two = fitted.query(new, n_instances=2)
        margins = np.sort(fitted.predict_proba(new), axis=1)
        assert set(two) == set(np.argsort(margins[:, -1] - margins[:, -2])[:2])


class TestContainers:
    def test_paths_frames_and_arrays_give_the_same_positions(self):
        X, y = blobs()
        table = {f"clip {i}.wav": row for i, row in enumerate(X)}
        paths = list(table)
        reader = FunctionTransformer(lambda names: np.array([table[name] for name in names]))
        expected = campaign().fit(X, y).labeled_indices_
        for rows in (paths, np.array(paths), np.array(paths, dtype=object), pd.Series(paths)):
            fitted = campaign().set_params(estimator=make_pipeline(reader, model()))
            fitted.fit(rows, y)
            np.testing.assert_array_equal(fitted.labeled_indices_, expected)
            assert fitted.predict(rows).shape == (80,)
        frame = pd.DataFrame(X, columns=["a", "b"], index=np.arange(80)[::-1])
        fitted = campaign().fit(frame, pd.Series(y))
        np.testing.assert_array_equal(fitted.labeled_indices_, expected)
        assert list(fitted.feature_names_in_) == ["a", "b"]

    def test_waveforms_of_different_lengths(self):
        X, y = blobs()
        waves = [np.r_[row, np.zeros(i % 3)] for i, row in enumerate(X)]
        cut = FunctionTransformer(lambda rows: np.array([row[:2] for row in rows]))
        fitted = campaign().set_params(estimator=make_pipeline(cut, model())).fit(waves, y)
        np.testing.assert_array_equal(
            fitted.labeled_indices_, campaign().fit(X, y).labeled_indices_
        )

    def test_x_is_not_copied(self):
        X, y = blobs()
        fitted = campaign().fit(X, y)
        assert fitted._rounds.state.X is X

    def test_text_labels(self):
        X, y = blobs()
        names = np.array(["dog", "cat", "owl", "fox"])[y]
        fitted = campaign().fit(X, names)
        assert set(fitted.predict(X)) <= set(names)
        assert list(fitted.classes_) == ["cat", "dog", "fox", "owl"]


class TestClassesThatAreMissing:
    def test_columns_are_complete(self):
        X, y = blobs()
        partial = np.where((y == 1) & (np.arange(80) < 40), y, -1)
        partial[np.flatnonzero(y == 2)[:5]] = 2
        fitted = campaign(classes=[0, 1, 2, 3, 7]).fit(X, partial)
        proba = fitted.predict_proba(X)
        assert proba.shape == (80, 5)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert (proba[:, [0, 3, 4]] == 0).all()
        assert fitted.query().shape == (6,)

    def test_first_labels_of_one_class_only(self):
        X, y = blobs()
        partial = np.where(y == 2, y, -1)
        partial[np.flatnonzero(y == 2)[3:]] = -1
        fitted = campaign(classes=[0, 1, 2, 3]).fit(X, partial)
        assert (fitted.predict(X) == 2).all()
        assert fitted.predict_proba(X).shape == (80, 4)
        indices = fitted.query(n_instances=30)
        fitted.teach(indices=indices, y=y[indices])
        assert len(set(fitted.predict(X))) > 1


def names_of(X):
    """Return each row as a name, as a path would be one."""
    return [" ".join(map(str, row)) for row in X]


def numbers_of(rows):
    """Return the numbers of rows of any kind."""
    return np.array([row.split() for row in rows], float) if isinstance(rows, list) else rows


def test_the_record_has_the_scores_of_the_smallest_query_that_asked():
    class SizeAsScore(QueryStrategy):
        def select(self, learner, X, n_instances, **facts):
            return np.arange(n_instances), np.full(n_instances, float(n_instances))

    X, y = blobs()
    fitted = campaign(strategy=SizeAsScore()).fit(X, np.where(np.arange(80) % 4 == 0, y, -1))
    asked = fitted.query(n_instances=4)
    wide, narrow = fitted.query(n_instances=9), fitted.query(n_instances=2)
    assert set(narrow) < set(asked) < set(wide)
    fitted.teach(indices=wide, y=y[wide])
    assert fitted.history_[-1]["scores"].tolist() == [2.0] * 2 + [4.0] * 2 + [9.0] * 5


class TestErrorsChangeNothing:
    def test_a_number_where_rows_belong(self):
        X, y = blobs()
        fitted = campaign().fit(X, np.where(np.arange(80) % 4 == 0, y, -1))
        with pytest.raises(TypeError, match=r"write query\(n_instances=5\)"):
            fitted.query(5)

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"indices": [1], "y": ["no class"]}, "not one of the 4 classes"),
            ({"indices": [1], "y": [9]}, "label 9"),
            ({"indices": [80], "y": [0]}, "outside the 80 rows"),
            ({"indices": [-1], "y": [0]}, "outside the 80 rows"),
            ({"indices": [0], "y": [0]}, "labeled already"),
            ({"indices": [1, 1], "y": [0, 0]}, "more than once"),
            ({"indices": [1, 2], "y": [0]}, "X has 2 rows, y has 1"),
            ({"indices": [1.5], "y": [0]}, "positions"),
            ({"indices": [], "y": []}, "non-empty"),
            ({"indices": [1]}, "needs y"),
            ({"y": [0]}, "either X or indices"),
            ({"X": [[np.nan, 1.0]], "y": [0]}, "NaN"),
            ({"X": [[1.0, 2.0, 3.0]], "y": [0]}, "features"),
            ({"X": [[1.0, 2.0]], "y": [-1]}, "no label"),
        ],
    )
    def test_teach(self, kwargs, message):
        X, y = blobs()
        fitted = campaign().fit(X, np.where(np.arange(80) % 4 == 0, y, -1))
        query, proba = fitted.query(), fitted.predict_proba(X)
        with pytest.raises(ValueError, match=message):
            fitted.teach(**kwargs)
        np.testing.assert_array_equal(query, fitted.query())
        np.testing.assert_array_equal(proba, fitted.predict_proba(X))
        assert len(fitted.history_) == 1
        assert len(fitted.labeled_indices_) == 20

    @pytest.mark.parametrize("given", [np.array, list, tuple, pd.Series])
    @pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, sparse.csr_matrix, names_of])
    def test_positions_where_rows_belong(self, given, kind):
        X, y = blobs()
        steps = make_pipeline(FunctionTransformer(numbers_of), model())
        fitted = campaign().set_params(estimator=steps)
        fitted.fit(kind(X), np.where(np.arange(80) % 4 == 0, y, -1))
        asked = fitted.query()
        with pytest.raises(ValueError, match=r"positions.*teach\(indices=\.\.\., y=\.\.\.\)"):
            fitted.teach(given(asked.tolist()), y[asked])

    def test_fit(self):
        X, y = blobs()
        bad = X.copy()
        bad[3, 0] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            campaign().fit(bad, y)
        with pytest.raises(ValueError, match="80 rows, y has 79 entries"):
            campaign().fit(X, y[:-1])
        with pytest.raises(ValueError, match="80 rows, groups has 2 entries"):
            campaign().fit(X, y, groups=[1, 2])
        with pytest.raises(ValueError, match="tuple"):
            campaign().fit(X, y, eval_set=X)
        with pytest.raises(ValueError, match="give all of them"):
            campaign().fit(X, np.full(80, -1))
        with pytest.raises(ValueError, match="not one of the 2 classes"):
            campaign(classes=[0, 1]).fit(X, y)
        with pytest.raises(ValueError, match="n_initial"):
            campaign(n_initial=0).fit(X, y)
        with pytest.raises(ValueError, match="n_instances"):
            campaign().fit(X, y).query(n_instances=0)
        with pytest.raises(TypeError, match="give an instance"):
            campaign(strategy=MarginSampling).fit(X, y)
        for name in ("strategy", "initial_strategy"):
            with pytest.raises(TypeError, match=r"'margin'.*skal\.strategies\.MarginSampling\(\)"):
                campaign(**{name: "margin"}).fit(X, y)

    def test_an_oracle_that_names_an_unknown_class(self):
        X, y = blobs()
        answers = np.where(np.arange(80) < 70, y, 99)
        unfinished = campaign(classes=range(4), budget=None)
        with pytest.raises(ValueError, match="label 99"):
            unfinished.fit(X, oracle=lambda rows: answers[rows])
        # What had been answered before is not lost.
        assert len(unfinished.labeled_indices_) == unfinished.history_[-1]["n_labeled"] > 0

    def test_what_a_strategy_needs_is_checked_before_any_training(self):
        X, y = blobs()

        class NeverFitted(LinearSVC):
            def fit(self, X, y):
                raise AssertionError("trained")

        with pytest.raises(UnsupportedStrategyError, match=r"MarginSampling needs predict_proba"):
            campaign().set_params(estimator=NeverFitted()).fit(X, y)

    def test_random_sampling_needs_no_probabilities(self):
        X, y = blobs()
        fitted = campaign(strategy=RandomSampling()).set_params(estimator=LinearSVC()).fit(X, y)
        assert not hasattr(fitted, "predict_proba")
        assert fitted.score(X, y) > 0.4

    @pytest.mark.parametrize(
        ("positions", "message"),
        [
            ([0, 0], "more than once"),
            ([0, 500], "outside"),
            ([-1], "outside"),
            ([0.5], "integer"),
            (list(range(7)), "7 positions, but 6 were requested"),
        ],
    )
    def test_a_strategy_that_returns_nonsense(self, positions, message):
        X, y = blobs()
        with pytest.raises(ValueError, match=message):
            campaign(strategy=lambda learner, X_pool, n: positions).fit(X, y)


class TestStages:
    def test_predictions_of_each_round(self):
        X, y = blobs()
        fitted = campaign(store_rounds=True).fit(X, y, eval_set=(X, y))
        scores = [np.mean(stage == y) for stage in fitted.staged_predict(X)]
        assert scores == [record["eval_accuracy"] for record in fitted.history_]
        last = list(fitted.staged_predict_proba(X))[-1]
        np.testing.assert_array_equal(last, fitted.predict_proba(X))

    def test_not_kept_unless_asked(self):
        X, y = blobs()
        with pytest.raises(ValueError, match="store_rounds=True"):
            next(campaign().fit(X, y).staged_predict(X))


class TestPersistence:
    def test_a_pickle_has_the_models_and_leaves_the_pool_out(self, tmp_path):
        X, y = blobs(5000)
        partial = np.where(np.arange(5000) % 100 == 0, y, -1)
        fitted = campaign(store_rounds=True).fit(
            X, partial, groups=np.arange(5000), sample_weight=np.ones(5000)
        )
        fitted.teach(X[:900] + 1, y[:900])
        fitted.query()
        joblib.dump(fitted, tmp_path / "campaign.joblib")
        assert (tmp_path / "campaign.joblib").stat().st_size < 20_000 < X.nbytes
        loaded = joblib.load(tmp_path / "campaign.joblib")
        np.testing.assert_array_equal(fitted.predict_proba(X), loaded.predict_proba(X))
        assert len(list(loaded.staged_predict(X))) == 2
        np.testing.assert_array_equal(loaded.query(X[:50]), fitted.query(X[:50]))
        for needs_pool in (
            lambda: loaded.query(),
            lambda: loaded.teach(indices=[1], y=[0]),
            lambda: loaded.teach(X[:2], y[:2]),
        ):
            with pytest.raises(ValueError, match=r"pool of this campaign \(5000 rows.*checkpoint"):
                needs_pool()
        # What a strategy asks of the labeled rows is one of these things.
        loaded._rounds.strategy = CoreSet()
        with pytest.raises(ValueError, match="is not in its pickle"):
            loaded.query(X[:50])

    def test_a_pickle_of_a_pickle(self):
        X, y = blobs()
        again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(campaign().fit(X, y)))))
        assert again.score(X, y) > 0.4
        with pytest.raises(ValueError, match="80 rows"):
            again.query()

    def test_a_copy_in_this_process_goes_on(self):
        X, y = blobs()
        fitted = campaign().fit(X, np.where(np.arange(80) % 4 == 0, y, -1))
        copied = copy.deepcopy(fitted)
        indices = fitted.query()
        np.testing.assert_array_equal(indices, copied.query())
        fitted.teach(indices=indices, y=y[indices])
        assert len(copied.labeled_indices_) == 20
        copied.teach(indices=indices, y=y[indices])
        np.testing.assert_array_equal(fitted.predict_proba(X), copied.predict_proba(X))
        assert copied._rounds.state.X is X

    def test_preprocessing_inside(self):
        X, y = blobs()
        inside = campaign().set_params(estimator=make_pipeline(StandardScaler(), model()))
        fitted = inside.fit(X, y)
        assert fitted.predict_proba(X).shape == (80, 4)
        assert fitted.score(X, y) > 0.4
