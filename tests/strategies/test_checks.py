"""The checks of strategies can fail: each fault is caught, by name."""

import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skal._utils.rows.containers import n_rows
from skal.strategies import (
    MarginSampling,
    QueryStrategy,
    RandomSampling,
    ScoreStrategy,
)
from skal.strategies.checks import check_strategy, parametrize_with_checks
from skal.strategies.ranking import pick_highest

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "strategies.rst"


class Picker(QueryStrategy):
    """Picks at random; those below do one thing wrong."""

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        return self.pick(X, n_instances, y_labeled, random_state), None

    def pick(self, X, n_instances, y_labeled, random_state):
        return random_state.choice(len(X), n_instances, replace=False)


class Scorer(ScoreStrategy):
    """Scores every row alike; those below do one thing wrong."""

    needs = frozenset()

    def score(self, learner, X, random_state=None):
        return np.zeros(len(X))


class GlobalRandom(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return np.random.permutation(len(X))[:n_instances]  # noqa: NPY002


class SeededGlobalRandom(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        np.random.seed(random_state.randint(9))  # noqa: NPY002
        return np.random.permutation(len(X))[:n_instances]  # noqa: NPY002


class PythonsRandom(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        random.seed(int(random_state.randint(9)))
        return random.sample(range(len(X)), n_instances)


class Unseeded(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return np.random.default_rng().permutation(len(X))[:n_instances]


class IgnoresGenerators(Picker):
    """Use a seed, but not a RandomState."""

    def query(self, learner, X, n_instances=1, *, random_state=None, return_scores=False, **_):
        seed = random_state if isinstance(random_state, int) else 0
        rows = np.random.RandomState(seed).permutation(n_rows(X))[:n_instances]
        return (rows, np.zeros(len(rows))) if return_scores else rows


class ChangesRows(Picker):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.sparse = False
        return tags

    def pick(self, X, n_instances, y_labeled, random_state):
        rows = X.take()  # the caller's own, where all are asked about
        rows[:] = 0
        return super().pick(X, n_instances, y_labeled, random_state)


class ChangesLabels(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        if y_labeled is not None:
            y_labeled.sort()
        return super().pick(X, n_instances, y_labeled, random_state)


class ByPosition(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return np.arange(n_instances)


class TiesByPosition(Scorer):
    def select(self, learner, X, n_instances, **context):
        return np.argsort(-self.score(learner, X), kind="stable")[:n_instances], None


class Duplicates(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return random_state.randint(len(X), size=n_instances)


class OutOfRange(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return super().pick(X, n_instances, y_labeled, random_state) + 1


class TooMany(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return random_state.permutation(len(X))


class TooFew(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return random_state.permutation(len(X))[: min(n_instances, 3)]


class Booleans(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return random_state.permutation(np.arange(len(X)) < n_instances)


class HiddenLabels(Picker):
    """Looks at the labels that lie in memory behind those given."""

    def pick(self, X, n_instances, y_labeled, random_state):
        given = None if y_labeled is None else y_labeled.base
        order = random_state.permutation(len(X))
        if given is None or len(given) < len(X) + len(y_labeled):
            return order[:n_instances]
        hidden = given[len(y_labeled) :]
        return order[np.argsort(hidden[order], kind="stable")][:n_instances]


class Unannounced(Scorer):
    def score(self, learner, X, random_state=None):
        return -learner.predict_proba(X).max(axis=1)


class NoScores(Scorer):
    def select(self, learner, X, n_instances, *, random_state, **context):
        scores = self.score(learner, X)
        return pick_highest(scores, n_instances, random_state), scores


class WorksInConstructor(Picker):
    def __init__(self, share=0.5):
        self.share = float(share) + 1


class SetsMore(Picker):
    def __init__(self, share=0.5):
        self.share = share
        self.cache = {}


class Counts(Picker):
    def __init__(self, seen=None):
        self.seen = seen

    def pick(self, X, n_instances, y_labeled, random_state):
        self.seen = (self.seen or 0) + 1
        return super().pick(X, n_instances, y_labeled, random_state)


class Overflows(ScoreStrategy):
    def score(self, learner, X, random_state=None):
        rows = np.asarray(X).reshape(len(X), -1)
        return np.einsum("nd,nd->n", rows, rows).astype(float)


class ReadsColumns(Scorer):
    def score(self, learner, X, random_state=None):
        return np.asarray(X, dtype=float)[:, 0]


class DividesByZero(ScoreStrategy):
    def score(self, learner, X, random_state=None):
        proba = learner.predict_proba(X)
        with np.errstate(divide="ignore", invalid="ignore"):
            return -(proba * np.log(proba)).sum(axis=1)


class NeedsTwoClasses(ScoreStrategy):
    def score(self, learner, X, random_state=None):
        ranked = np.sort(learner.predict_proba(X), axis=1)
        return ranked[:, -2] - ranked[:, -1]


class NumericGroups(Picker):
    def select(self, learner, X, n_instances, *, groups, **context):
        groups = groups.astype(int)
        return super().select(learner, X, n_instances, groups=groups, **context)


class LocalState(Picker):
    def __init__(self, function=None):
        self.function = function


class NotTiny(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        np.partition(np.zeros(len(X)), 3)
        return super().pick(X, n_instances, y_labeled, random_state)


class RowsHaveColumns(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        assert X.shape[1], "the rows have no columns"
        return super().pick(X, n_instances, y_labeled, random_state)


class FramesHaveNoFirstRow(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        return super().pick(X.take()[list(range(len(X)))], n_instances, y_labeled, random_state)


class DenseOnly(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        if not isinstance(X.take(), list):
            float(np.asarray(X).ravel()[0])
        return super().pick(X, n_instances, y_labeled, random_state)


class DifferentRowsOnly(Picker):
    def pick(self, X, n_instances, y_labeled, random_state):
        rows = X.take()
        if isinstance(rows, np.ndarray) and len(np.unique(rows, axis=0)) < min(len(rows), 13):
            return np.arange(1, 2)
        return super().pick(X, n_instances, y_labeled, random_state)


class ByThePass(Picker):
    def select(self, learner, X, n_instances, *, random_state, **context):
        joint = hasattr(getattr(learner, "estimator", None), "predict_proba_embed")
        seed = np.random.RandomState(random_state.randint(9) + joint)
        return super().select(learner, X, n_instances, random_state=seed, **context)


class NoRowsWithoutModel(Picker):
    def select(self, learner, X, n_instances, *, y_labeled, **context):
        return super().select(learner, X, n_instances, y_labeled=y_labeled.copy(), **context)


class GroupsOfText(Picker):
    def select(self, learner, X, n_instances, *, groups, **context):
        assert groups[0][0], "an empty name"
        return super().select(learner, X, n_instances, groups=groups, **context)


def _nothing(learner, X, n_instances):
    return []


BROKEN = [
    (GlobalRandom(), "check_same_seed_gives_same_positions", "asking again with the same seed"),
    (SeededGlobalRandom(), "check_no_global_random_state", "numpy's global random state"),
    (PythonsRandom(), "check_no_global_random_state", "Python's global random state"),
    (Unseeded(), "check_same_seed_gives_same_positions", "asking again with the same seed"),
    (IgnoresGenerators(), "check_same_seed_gives_same_positions", "RandomState"),
    (ChangesRows(), "check_nothing_is_changed", "a query changes X"),
    (ChangesLabels(), "check_nothing_is_changed", "a query changes y_labeled"),
    (ByPosition(), "check_ties_are_broken_by_chance", r"all 12 random states pick \(0, 1\)"),
    (TiesByPosition(), "check_ties_are_broken_by_chance", "break ties with the random state"),
    (Duplicates(), "check_positions_are_valid", "more than once"),
    (OutOfRange(), "check_positions_are_valid", "position 40, outside the 40 candidates"),
    (TooMany(), "check_positions_are_valid", "40 positions, but 1 were requested"),
    (TooFew(), "check_positions_are_valid", "3 positions where 7 were wanted"),
    (Booleans(), "check_positions_are_valid", "integer positions"),
    (HiddenLabels(), "check_hidden_labels_influence_nothing", "another hidden label"),
    (Unannounced(), "check_needs_are_announced", r"it calls \['predict_proba'\]"),
    (NoScores(), "check_positions_are_valid", r"1 positions, not scores of shape \(40,\)"),
    (WorksInConstructor(), "check_parameters_are_only_stored", r"changes \['share'\]"),
    (SetsMore(), "check_parameters_are_only_stored", r"sets \['cache'\]"),
    (Counts(), "check_nothing_is_changed", "changes the parameters"),
    (Overflows(), "check_dtypes", "uint8 instead of float64 changes"),
    (ReadsColumns(), "check_rows_of_many_axes", r"not an array of shape \(20, 5\)"),
    (DividesByZero(), "check_probabilities_of_zero_and_one", "scores are NaN"),
    (NeedsTwoClasses(), "check_one_class_and_many", "IndexError"),
    (NumericGroups(), "check_positions_are_valid", "recording 0"),
    (LocalState(lambda: 0), "check_clone_pickle_and_set_params", "PicklingError|pickle"),
    (_nothing, "check_positions_are_valid", "0 positions where 1 were wanted"),
    (NotTiny(), "check_tiny_pools", "kth"),
    (RowsHaveColumns(), "check_paths_and_waveforms", "IndexError"),
    (FramesHaveNoFirstRow(), "check_lists_and_frames", "Error"),
    (DenseOnly(), "check_sparse_rows", "TypeError"),
    (DifferentRowsOnly(), "check_duplicates", "1 positions where 9 were wanted"),
    (ByThePass(), "check_one_pass_gives_the_same_as_two", "predict_proba_embed of one pass"),
    (NoRowsWithoutModel(), "check_first_rows_without_a_model", "AttributeError"),
    (GroupsOfText(), "check_groups_are_accepted", "TypeError|IndexError"),
]


def _checks(strategy):
    """Return the checks that pytest would run on a strategy, by name."""
    cases = parametrize_with_checks([strategy]).args[1]
    return {case.values[1].__name__: case for case in cases}


@pytest.mark.parametrize(
    ("strategy", "name", "fault"), BROKEN, ids=lambda value: getattr(type(value), "__name__", "")
)
def test_each_fault_is_caught_by_the_check_for_it(strategy, name, fault):
    case = _checks(strategy)[name]
    with pytest.raises(AssertionError, match=fault) as caught:
        case.values[1](case.values[0])
    assert str(caught.value).startswith(f"{name} failed for {case.values[0]!r}: ")


@pytest.mark.parametrize("strategy", [Picker(), Scorer()], ids=["Picker", "Scorer"])
def test_what_the_broken_ones_are_made_of_is_sound(strategy):
    check_strategy(strategy)


def test_every_check_fails_for_some_strategy():
    assert {name for _, name, _ in BROKEN} == set(_checks(MarginSampling()))


def test_all_checks_at_once_name_the_first_that_fails():
    with pytest.raises(AssertionError, match=r"check_positions_are_valid failed for TooFew\(\)"):
        check_strategy(TooFew())
    with pytest.raises(TypeError, match=r"give an instance: Picker\(\)"):
        check_strategy(Picker)


def test_tags_leave_out_what_a_strategy_cannot_read():
    names = set(_checks(ChangesRows()))
    assert set(_checks(MarginSampling())) - names == {
        "check_sparse_rows",
        "check_paths_and_waveforms",
    }


def test_a_model_of_ones_own_and_its_rows():
    X = np.random.RandomState(0).randn(40, 2)
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    check_strategy(MarginSampling(), model=model, X=X)
    with pytest.raises(AssertionError, match=r"check_nothing_is_changed failed for ChangesRows"):
        check_strategy(ChangesRows(), model=model, X=X)
    with pytest.raises(ValueError, match="at least 20 rows"):
        check_strategy(MarginSampling(), model=model, X=X[:4])


def test_the_strategy_in_the_guide_is_ten_lines_and_passes(tmp_path):
    text = GUIDE.read_text()
    block = re.search(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text).group(1)
    code = re.sub(r"^    ", "", block, flags=re.MULTILINE)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    (tmp_path / "test_mine.py").write_text(code)
    broken = code.replace("return proba", "return np.random.rand(len(X)) * proba")
    (tmp_path / "test_broken.py").write_text(broken)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-rf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "test_broken.py::test_my_strategy[RareClass()-check_no_global" in result.stdout
    assert "check_no_global_random_state failed for RareClass()" in result.stdout
    assert "test_mine.py::" not in result.stdout, result.stdout


def test_expected_failures_are_marked_and_must_fail():
    known = {"check_tiny_pools": "needs more rows"}
    cases = parametrize_with_checks(
        [RandomSampling(), NotTiny()],
        expected_failed_checks=lambda strategy: known if isinstance(strategy, NotTiny) else {},
    ).args[1]
    marked = [case for case in cases if case.marks]
    assert [case.id for case in marked] == ["NotTiny()-check_tiny_pools"]
    assert marked[0].marks[0].kwargs == {"reason": "needs more rows", "strict": True}
