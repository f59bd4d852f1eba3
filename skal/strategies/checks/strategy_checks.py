"""Checks that every query strategy should pass, skal's or your own."""

import inspect
import pickle
import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from skal._utils.rows.lazy import Rows
from skal.learner import Learner
from skal.strategies.base import FunctionStrategy, as_strategy
from skal.strategies.checks.fake_net import FakeNet, JointFakeNet, PlainFakeNet
from skal.strategies.checks.small_pools import Lookup, make_task, task_around

__all__ = ["check_strategy", "parametrize_with_checks"]

_QUESTIONS = ("predict_proba", "embed", "sample_proba", "gradient_length", "augment_proba")

# Each check, and whether it applies to a strategy; checks in _AROUND_MODELS also take a task.
_CHECKS: dict[str, tuple[Callable, Callable]] = {}
_AROUND_MODELS: dict[str, Callable] = {}


def check_strategy(strategy, *, model=None, X=None):
    """Check that a query strategy meets the requirements of campaigns.

    The checks query small pools of all kinds: arrays, frames, lists, sparse matrices, and paths
    behind a transformer, of many dtypes; tiny pools, duplicates, one class or many. Positions must
    be valid, and equal for equal seeds. The random state must break ties. A strategy must not
    change its arguments, use global random state, or read hidden labels. Methods missing in
    ``required()`` and kinds of rows excluded by tags are not tested.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        The strategy, with small parameters: the pools have about 40 rows.
    model : estimator, default=None
        A fitted classifier to check the strategy with. None: a small network that supports every
        method.
    X : array-like or sequence of n_samples rows, default=None
        At least 20 rows that `model` can predict; needed with `model`.

    Raises
    ------
    AssertionError
        Names the check that failed, the strategy and the fault.

    See Also
    --------
    parametrize_with_checks : Runs each check as a test of its own.

    Examples
    --------
    >>> from skal.strategies import MarginSampling
    >>> from skal.strategies.checks import check_strategy
    >>> check_strategy(MarginSampling())
    """
    strategy = as_strategy(strategy)
    if model is None:
        for check in _checks_for(strategy):
            check(strategy)
        return
    for check in _AROUND_MODELS.values():
        check(strategy, task_around(model, X))


def parametrize_with_checks(strategies, *, expected_failed_checks=None):
    """Decorate a pytest test that runs every check on every strategy.

    Parameters
    ----------
    strategies : list of QueryStrategy or callable
        The strategies, with small parameters: the pools have about 40 rows.
    expected_failed_checks : callable, default=None
        ``expected_failed_checks(strategy)`` returns a dict of checks that the strategy is known to
        fail, and why. They are marked as strict expected failures.

    Returns
    -------
    pytest.MarkDecorator
        For a test with the arguments ``strategy`` and ``check``.

    See Also
    --------
    check_strategy : Runs all checks at once, also with your own classifier.

    Examples
    --------
    >>> from skal.strategies import BADGE, MarginSampling
    >>> from skal.strategies.checks import parametrize_with_checks
    >>> @parametrize_with_checks([MarginSampling(), BADGE()])
    ... def test_strategies(strategy, check):
    ...     check(strategy)
    """
    import pytest

    cases = []
    for given in strategies:
        strategy = as_strategy(given)
        known = {} if expected_failed_checks is None else expected_failed_checks(strategy)
        for check in _checks_for(strategy):
            reason = known.get(check.__name__)
            marks = () if reason is None else pytest.mark.xfail(reason=reason, strict=True)
            # Memory addresses would differ between processes.
            text = re.sub(r" at 0x[0-9a-fA-F]+|\s*\n\s*", "", repr(strategy))
            case_id = f"{text}-{check.__name__}"
            cases.append(pytest.param(strategy, check, id=case_id, marks=marks))
    return pytest.mark.parametrize(("strategy", "check"), cases)


def _checks_for(strategy):
    return [check for check, meant_for in _CHECKS.values() if meant_for(strategy)]


class _Naming:
    """Context that adds the names of check and strategy to an error."""

    def __init__(self, check, strategy):
        self.check = check
        self.strategy = strategy

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, Exception):
            fault = str(error) if kind is AssertionError else f"{kind.__name__}: {error}"
            raise AssertionError(f"{self.check} failed for {self.strategy!r}: {fault}") from error


def _check(function=None, *, meant_for=lambda strategy: True, around_models=False):
    """Register a check."""
    if function is None:
        return partial(_check, meant_for=meant_for, around_models=around_models)

    @wraps(function)
    def named(strategy, *task):
        with _Naming(function.__name__, strategy):
            function(strategy, *task)

    _CHECKS[function.__name__] = named, meant_for
    if around_models:
        _AROUND_MODELS[function.__name__] = named
    return named


def _can_serve(kind):
    """Return a test of a strategy's tag for a kind of rows."""
    return lambda strategy: getattr(get_tags(strategy).input_tags, kind)


def _is_no_function(strategy):
    return not isinstance(strategy, FunctionStrategy)  # a function gets no random state


def _check_same(found, expected, what):
    assert np.array_equal(found[0], expected[0]), (
        f"{what} changes the positions from {expected[0].tolist()} to {found[0].tolist()}"
    )
    close = np.allclose(found[1], expected[1], rtol=1e-9, atol=1e-12, equal_nan=True)
    assert close, f"{what} changes the scores from {expected[1]} to {found[1]}"


@_check
def check_parameters_are_only_stored(strategy):
    """Check that the constructor only stores its parameters."""
    names = set(inspect.signature(type(strategy)).parameters)
    params = strategy.get_params(deep=False)
    assert set(params) == names, f"get_params gives {sorted(params)}, __init__ {sorted(names)}"
    made = type(strategy)(**params)
    changed = [name for name in params if getattr(made, name) is not params[name]]
    assert not changed, f"the constructor changes {changed} instead of storing them"
    added = sorted(set(vars(made)) - names)
    assert not added, f"the constructor sets {added}, which are not parameters"


@_check
def check_clone_pickle_and_set_params(strategy):
    """Compare copies of a strategy with it."""
    text = repr(strategy)
    for how, copy in (
        ("clone", clone(strategy)),
        ("pickle", pickle.loads(pickle.dumps(strategy))),
        ("set_params(**get_params())", clone(strategy).set_params(**strategy.get_params())),
    ):
        assert type(copy) is type(strategy), f"{how} makes a {type(copy).__name__}"
        assert repr(copy) == text, f"{how} makes {copy!r}"


@_check(around_models=True)
def check_positions_are_valid(strategy, task=None):
    """Query one row, some, all, and more than all."""
    task = make_task() if task is None else task
    for n_instances in (1, 7, task.n_samples, task.n_samples + 15):
        task.ask(strategy, n_instances)


@_check
def check_tiny_pools(strategy):
    """Query pools of one, two, and three rows."""
    for n_samples in (1, 2, 3):
        for n_instances in (1, 3):
            make_task(n_samples).ask(strategy, n_instances)


@_check(around_models=True)
def check_same_seed_gives_same_positions(strategy, task=None):
    """Query a strategy and its clone again."""
    task = make_task() if task is None else task
    first = task.ask(strategy, 9, seed=3)
    _check_same(task.ask(strategy, 9, seed=3), first, "asking again with the same seed")
    _check_same(task.ask(clone(strategy), 9, seed=3), first, "asking a clone")
    seeded = np.random.RandomState(3)
    _check_same(task.ask(strategy, 9, seed=seeded), first, "RandomState(3) instead of 3")


@_check(meant_for=_is_no_function)
def check_ties_are_broken_by_chance(strategy):
    """Query equal rows with many seeds."""
    task = make_task(20)
    task.X = np.repeat(task.X[:1], 20, axis=0)
    drawn = {tuple(task.ask(strategy, 2, seed)[0].tolist()) for seed in range(12)}
    assert len(drawn) > 1, (
        f"among 20 equal rows, all 12 random states pick {drawn.pop()}: break ties with the "
        "random state (skal.strategies.functions.pick_highest does), not by position"
    )


@_check(around_models=True)
def check_no_global_random_state(strategy, task=None):
    """Compare the global random states before and after a query."""
    task = make_task() if task is None else task
    before, other = np.random.get_state(), random.getstate()  # noqa: NPY002
    task.ask(strategy, 9)
    after = np.random.get_state()  # noqa: NPY002
    same = np.array_equal(before[1], after[1]) and before[2:] == after[2:]
    assert same, "numpy's global random state is used: draw from random_state"
    assert random.getstate() == other, "Python's global random state is used"


@_check(around_models=True)
def check_nothing_is_changed(strategy, task=None):
    """Compare arguments and parameters before and after a query."""
    task = make_task() if task is None else task
    names = ("X", "X_labeled", "y_labeled", "groups", "starts")
    kept = {name: np.array(getattr(task, name), copy=True) for name in names}
    params = pickle.dumps(strategy.get_params())
    task.ask(strategy, 9)
    for name, before in kept.items():
        assert np.array_equal(np.asarray(getattr(task, name)), before), f"a query changes {name}"
    assert pickle.dumps(strategy.get_params()) == params, "a query changes the parameters"


@_check(meant_for=_can_serve("three_d_array"))
def check_rows_of_many_axes(strategy):
    """Query rows of two to four axes."""
    for shape in ((4, 5), (4, 5, 1), (2, 3, 2, 1)):
        for dtype in (np.float32, np.float64):
            make_task(20, shape=shape, dtype=dtype).ask(strategy, 6)


@_check
def check_dtypes(strategy):
    """Compare picks from integers and half precision with picks from float64."""
    # If a model has no embedding, the rows themselves serve as embedding.
    plain = strategy.required() <= {"predict_proba", "embed"}
    for dtype in (np.uint8, np.int16, np.int64, np.float16):
        factor = {np.int16: 3000, np.float16: 100}.get(dtype, 20)
        low = 8 if dtype is np.uint8 else 0
        task = make_task(net=PlainFakeNet() if plain else FakeNet())
        rows = [((X + low) * factor).astype(dtype) for X in (task.X, task.X_labeled)]
        answers = []
        for X, X_labeled in (rows, [X.astype(np.float64) for X in rows]):
            model = clone(task.model).fit(X_labeled, task.y_labeled)
            other = replace(task, model=model, X=X, X_labeled=X_labeled)
            answers.append(other.ask(strategy, 9))
        _check_same(*answers, f"{np.dtype(dtype).name} instead of float64")
    make_task(dtype=np.float32).ask(strategy, 9)


@_check(meant_for=_is_no_function)
def check_lists_and_frames(strategy):
    """Compare picks from lists of rows and frames with picks from an array."""
    task = make_task()
    expected = task.ask(strategy, 9)
    lists = replace(task, X=task.X.tolist(), X_labeled=task.X_labeled.tolist())
    if get_tags(strategy).input_tags.string:
        _check_same(lists.ask(strategy, 9), expected, "a list of rows instead of an array")
    try:
        import pandas as pd
    except ImportError:
        return
    index = np.arange(40)[::-1] + 1000
    frame = pd.DataFrame(task.X, columns=["a", "b", "c"], index=index)
    labeled = pd.DataFrame(task.X_labeled, columns=["a", "b", "c"])
    frames = replace(task, X=frame, X_labeled=labeled)
    _check_same(frames.ask(strategy, 9), expected, "a frame instead of an array")


@_check(meant_for=_can_serve("sparse"))
def check_sparse_rows(strategy):
    """Compare picks from a sparse matrix with picks from an array."""
    task = make_task()
    sparse = replace(task, X=csr_array(task.X), X_labeled=csr_array(task.X_labeled))
    _check_same(sparse.ask(strategy, 9), task.ask(strategy, 9), "a sparse matrix")


@_check(meant_for=_can_serve("string"))
def check_paths_and_waveforms(strategy):
    """Compare picks from paths or waveforms with picks from their features."""
    task = make_task()
    expected = task.ask(strategy, 9)
    table = np.concatenate([task.X, task.X_labeled])
    paths = [f"{number}.wav" for number in range(len(table))]
    waveforms = [np.pad(row, (0, number % 5)) for number, row in enumerate(table)]
    for what, rows in (("paths", paths), ("waveforms", waveforms)):
        model = make_pipeline(Lookup(table), FakeNet()).fit(rows[40:], task.y_labeled)
        behind = replace(task, model=model, X=rows[:40], X_labeled=rows[40:])
        _check_same(behind.ask(strategy, 9), expected, f"{what} behind a transformer")


class _Spy(Learner):
    """Learner that records which methods are called."""

    def __getattribute__(self, name):
        if name in _QUESTIONS:
            self.__dict__.setdefault("asked", set()).add(name.replace("augment_proba", "augment"))
        return super().__getattribute__(name)


@_check
def check_needs_are_announced(strategy):
    """Compare the called methods of the learner with the strategy's needs."""
    task = make_task()
    task.model = spy = _Spy(task.model)
    task.ask(strategy, 9)
    allowed = set(strategy.required())
    if any(name.endswith("augment") and value for name, value in strategy.get_params().items()):
        allowed.add("augment")  # by a given function, which works with any classifier
    hidden = sorted(spy.__dict__.get("asked", set()) - allowed)
    assert not hidden, f"it calls {hidden}, which its `needs` do not list"


@_check
def check_first_rows_without_a_model(strategy):
    """Query the first rows: the strategy picks them, or its error says what to use."""
    task = make_task()
    task.model = Learner.without_model(FakeNet(), task.X)
    try:
        task.ask(strategy, 4, X_labeled=None, y_labeled=None)
    except ValueError as error:
        asks = strategy.required() - {"embed"}
        assert isinstance(error, NotFittedError) or "RandomSampling" in str(error), (
            f"without a model it raises {error!r}; its needs are {sorted(asks)}"
        )


@_check
def check_one_class_and_many(strategy):
    """Query models with one, two, and 60 classes."""
    for n_classes, n_labeled in ((1, 12), (2, 12), (60, 120)):
        make_task(30, n_classes, n_labeled=n_labeled).ask(strategy, 8)


@_check
def check_duplicates(strategy):
    """Query equal rows, repeated rows, and copies of labeled rows."""
    task = make_task(12)
    for X in (
        np.repeat(task.X[:1], 25, axis=0),
        np.tile(task.X, (3, 1)),
        np.repeat(task.X_labeled, 3, axis=0),
    ):
        equal = replace(task, X=X)
        for n_instances in (1, 9, len(X)):
            equal.ask(strategy, n_instances)


@_check
def check_probabilities_of_zero_and_one(strategy):
    """Query a model whose probabilities are 0 and 1."""
    for dtype in (np.float32, np.float64):
        task = make_task(30, dtype=dtype, net=FakeNet(sharpness=1e9))
        for n_instances in (6, 30):
            task.ask(strategy, n_instances)


@_check
def check_one_pass_gives_the_same_as_two(strategy):
    """Compare picks with a model that embeds and predicts in one pass."""
    joint = make_task(net=JointFakeNet()).ask(strategy, 9)
    _check_same(joint, make_task().ask(strategy, 9), "predict_proba_embed of one pass")


@_check
def check_groups_are_accepted(strategy):
    """Query with groups that are integers, floats, and text."""
    task = make_task()
    for groups in (np.arange(40) // 4, np.arange(40) // 4 * 1.5, np.array(list("abcd") * 10)):
        positions = strategy.query(
            task.model,
            task.X,
            9,
            X_labeled=task.X_labeled,
            y_labeled=task.y_labeled,
            groups=groups,
            starts=task.starts,
            random_state=0,
        )
        assert 1 <= len(positions) <= 9, (
            f"{len(positions)} positions, not 1 to 9, with groups of type {groups.dtype}"
        )


@_check
def check_hidden_labels_influence_nothing(strategy):
    """Change the hidden labels, stored after the known ones in the same array."""
    task = make_task()
    X = np.concatenate([task.X_labeled, task.X])
    known = len(task.y_labeled)
    answers = []
    for shift in (0, 1, 2):
        y = np.concatenate([task.y_labeled, (np.arange(40) // 5 + shift) % 3])
        pool = Rows(X, np.arange(known, len(X)))
        labeled = Rows(X, np.arange(known))
        seen = replace(task, X=pool, X_labeled=labeled, y_labeled=y[:known])
        answers.append(seen.ask(strategy, 9))
    for other in answers[1:]:
        _check_same(other, answers[0], "another hidden label")
