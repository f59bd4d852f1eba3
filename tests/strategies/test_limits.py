"""Limits on a round: rows of a group, and time between rows of a recording."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from skal import ActiveLearningClassifier
from skal._utils.sound.windows import as_window
from skal.audio import Window
from skal.strategies.bayesian import PowerBALD
from skal.strategies.composition import Prefilter
from skal.strategies.diversity import DiverseBatch
from skal.strategies.gradient import BADGE
from skal.strategies.limits import MaxPerGroup, MinimumGap, occurrence, spaced
from skal.strategies.pools import NeighborPool, SubsamplePool
from skal.strategies.random import RandomSampling
from skal.strategies.schedule import Schedule
from skal.strategies.uncertainty import EntropySampling, MarginSampling, entropy
from tests.strategies.fakes import FakeNet, Recorder


@pytest.fixture
def net():
    X = np.random.RandomState(0).randn(200, 4)
    return FakeNet(sharpness=2).fit(X, np.arange(200) % 4)


@pytest.fixture
def X():
    return np.random.RandomState(1).randn(200, 4)


def _capped(ranking, groups, k, n_instances):
    """Go through a ranking and take what the cap allows."""
    taken, counts = [], {}
    for position in ranking:
        if counts.get(groups[position], 0) < k and len(taken) < n_instances:
            taken.append(position)
            counts[groups[position]] = counts.get(groups[position], 0) + 1
    return taken


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 5), st.integers(1, 30))
def test_max_per_group_is_the_capped_ranking(seed, n_groups, k, n_instances):
    rng = np.random.RandomState(seed)
    X = rng.randn(60, 3)
    net = FakeNet(seed=seed).fit(X, np.arange(60) % 3)
    # Groups that follow the ranking, so that the first rows wanted are of one group.
    ranking = np.argsort(-entropy(net.predict_proba(X)))
    groups = np.empty(60, dtype=object)
    groups[ranking] = [f"recording {i}" for i in np.sort(rng.randint(n_groups, size=60))]
    positions, scores = MaxPerGroup(EntropySampling(), k).query(
        net, X, n_instances, groups=groups, return_scores=True, random_state=0
    )
    np.testing.assert_array_equal(positions, _capped(ranking, groups, k, n_instances))
    np.testing.assert_allclose(scores, entropy(net.predict_proba(X))[positions])


@pytest.mark.parametrize("inner", [BADGE(), RandomSampling(), PowerBALD()])
def test_max_per_group_around_strategies_that_draw(inner, net, X):
    groups = np.repeat(np.arange(40), 5)
    strategy = MaxPerGroup(inner, 2)
    positions = strategy.query(net, X, 70, groups=groups, random_state=0)
    assert len(positions) == 70
    assert np.bincount(groups[positions]).max() == 2
    again = strategy.query(net, X, 70, groups=groups, random_state=0)
    np.testing.assert_array_equal(positions, again)


def test_max_per_group_gives_fewer_where_groups_run_out(net, X):
    groups = np.r_[np.zeros(150, int), np.ones(49, int), 2]
    assert len(MaxPerGroup(MarginSampling(), 3).query(net, X, 20, groups=groups)) == 7


def test_max_per_group_asks_no_more_than_it_must(net, X):
    calls = []
    strategy = MaxPerGroup(Recorder(calls), 1)
    strategy.query(net, X, 10, groups=np.arange(200))
    assert [call["n_instances"] for call in calls] == [10]
    strategy.query(net, X, 10, groups=np.r_[np.zeros(100, int), np.arange(100)])
    # The second time, the 99 surplus rows of the first group are out of the way.
    assert [call["n_instances"] for call in calls] == [10, 10, 20]
    assert len(calls[-1]["X"]) == 100


def test_max_per_group_says_that_it_needs_groups(net, X):
    with pytest.raises(ValueError, match="groups"):
        MaxPerGroup(MarginSampling()).query(net, X, 2)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_occurrence_counts_equal_entries_in_front(values):
    expected = [values[:i].count(value) for i, value in enumerate(values)]
    assert occurrence(np.array(values, dtype=int)).tolist() == expected


def _spread(ranking, groups, starts, gap, n_instances):
    """Go through a ranking and take what is far enough from everything taken."""
    taken = []
    for position in ranking:
        near = [
            other
            for other in taken
            if groups[other] == groups[position] and abs(starts[other] - starts[position]) < gap
        ]
        if not near and len(taken) < n_instances:
            taken.append(position)
    return taken


@settings(max_examples=60)
@given(
    st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0, 1, 2.5, 60]), st.integers(1, 60)
)
def test_minimum_gap_is_the_thinned_ranking(seed, n_groups, gap, n_instances):
    rng = np.random.RandomState(seed)
    X = rng.randn(60, 3)
    net = FakeNet(seed=seed).fit(X, np.arange(60) % 3)
    ranking = np.argsort(-entropy(net.predict_proba(X)))
    groups, starts = rng.randint(n_groups, size=60), rng.randint(40, size=60) / 2
    context = {"groups": groups, "starts": starts, "return_scores": True, "random_state": 0}
    positions, scores = MinimumGap(EntropySampling(), gap).query(net, X, n_instances, **context)
    expected = _spread(ranking, groups, starts, gap, n_instances)
    np.testing.assert_array_equal(positions, expected)
    np.testing.assert_allclose(scores, entropy(net.predict_proba(X))[positions])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=25), st.integers(0, 6))
def test_spaced_entries_are_apart_and_the_others_are_not(entries, gap):
    groups = np.array([group for group, _ in entries], dtype=int)
    starts = np.array([start for _, start in entries], dtype=float)
    marks = spaced(groups, starts, gap)
    kept = np.flatnonzero(marks).tolist()
    assert kept == _spread(range(len(entries)), groups, starts, gap, len(entries))


class _Start(TransformerMixin, BaseEstimator):
    """Makes features of an address: where its window starts."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.array([[as_window(row).start] for row in X])


def test_minimum_gap_reads_recordings_and_times_from_addresses():
    addresses = [str(Window(f"{name}.wav", t, t + 2)) for name in "ab" for t in range(0, 60, 2)]
    y = np.arange(len(addresses)) // 10 % 2
    campaign = ActiveLearningClassifier(
        make_pipeline(_Start(), FakeNet()),
        MinimumGap(MarginSampling(), gap=10),
        n_initial=4,
        n_instances=6,
        budget=22,
        random_state=0,
    ).fit(addresses, y)
    for record in campaign.history_[1:]:
        windows = [as_window(addresses[i]) for i in record["indices"]]
        assert len(windows) == 6
        for i, one in enumerate(windows):
            for other in windows[:i]:
                assert one.path != other.path or abs(one.start - other.start) >= 10


@pytest.mark.parametrize(
    "strategy",
    [
        Prefilter(RandomSampling(), MinimumGap(RandomSampling(), gap=5), factor=15),
        SubsamplePool(MinimumGap(RandomSampling(), gap=5), 150),
        Schedule([(None, MinimumGap(Prefilter(EntropySampling(), RandomSampling()), gap=5))]),
        DiverseBatch(MinimumGap(MarginSampling(), gap=5), factor=1),
        MaxPerGroup(MinimumGap(RandomSampling(), gap=5), n_per_group=100),
        NeighborPool(MinimumGap(RandomSampling(), gap=5), 150, representation="features"),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_starts_travel_through_compositions(strategy, net, X):
    rng = np.random.RandomState(5)
    starts = rng.permutation(200).astype(float)
    positions = strategy.query(
        net, X, 10, X_labeled=X[:4], groups=np.zeros(200), starts=starts, random_state=0
    )
    assert len(positions) == 10
    assert np.diff(np.sort(starts[positions])).min() >= 5


def _gaps(campaign, starts, groups):
    """Return the least gap within a recording of each round's rows."""
    gaps = []
    for record in campaign.history_[1:]:
        rows = record["indices"]
        for group in np.unique(groups[rows]):
            gaps += np.diff(np.sort(starts[rows][groups[rows] == group])).tolist()
    return gaps


def test_starts_given_to_fit_reach_the_queries(X):
    rng = np.random.RandomState(4)
    starts, groups = rng.permutation(100).repeat(2).astype(float), np.tile([0, 1], 100)
    campaign = ActiveLearningClassifier(
        FakeNet(), MinimumGap(RandomSampling(), gap=5), n_initial=10, n_instances=12, budget=58,
        random_state=0,
    )  # fmt: skip
    y = np.arange(200) % 4
    fitted = campaign.fit(X, y, groups=groups, starts=starts)
    assert min(_gaps(fitted, starts, groups)) >= 5
    without = campaign.set_params(strategy__gap=0).fit(X, y, groups=groups, starts=starts)
    assert min(_gaps(without, starts, groups)) < 5
    with pytest.raises(ValueError, match="starts must have one entry for each of the 200 rows"):
        campaign.fit(X, y, groups=groups, starts=starts[:7])
    with pytest.raises(ValueError, match="entry 1 is nan"):
        campaign.fit(X, y, groups=groups, starts=np.where(np.arange(200) == 1, np.nan, 0))


def test_starts_of_the_rows_of_a_fold_reach_the_queries_of_that_fold(X):
    starts, groups = np.random.RandomState(4).permutation(200).astype(float), np.zeros(200)

    class Seen(MinimumGap):
        def select(self, learner, rows, n_instances, **context):
            positions = [place[row.tobytes()] for row in np.asarray(rows)]
            np.testing.assert_array_equal(rows.starts, starts[positions])
            return super().select(learner, rows, n_instances, **context)

    place = {row.tobytes(): number for number, row in enumerate(X)}
    campaign = ActiveLearningClassifier(
        FakeNet(), Seen(RandomSampling(), gap=5), n_initial=10, n_instances=5, budget=30
    )
    with config_context(enable_metadata_routing=True):
        campaign.set_fit_request(groups=True, starts=True, sample_weight=False)
        search = GridSearchCV(
            campaign, {"strategy__gap": [2, 5]}, cv=KFold(2), error_score="raise"
        )
        search.fit(X, np.arange(200) % 4, groups=groups, starts=starts)
    fitted = search.best_estimator_
    assert min(_gaps(fitted, starts, groups)) >= search.best_params_["strategy__gap"]


def test_starts_given_count_more_than_those_of_addresses(net):
    addresses = [str(Window("a.wav", t, t + 2)) for t in range(0, 40, 2)]
    picks = MinimumGap(RandomSampling(), gap=2).query(None, addresses, 20, random_state=0)
    assert len(picks) == 20
    picks = MinimumGap(RandomSampling(), gap=2).query(
        None, addresses, 20, groups=np.zeros(20), starts=np.arange(20), random_state=0
    )
    assert len(picks) <= 10


def _never_trained():
    class NeverFitted(FakeNet):
        def fit(self, X, y, **params):
            raise AssertionError("trained")

    return NeverFitted()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda strategy: strategy,
        lambda strategy: Prefilter(RandomSampling(), strategy),
        lambda strategy: Schedule([(50, RandomSampling()), (None, SubsamplePool(strategy, 90))]),
    ],
)
@pytest.mark.parametrize("name", ["strategy", "initial_strategy"])
def test_facts_that_are_missing_are_named_before_any_training(wrap, name, X):
    y, starts = np.arange(200) % 4, np.arange(200.0)

    def campaign(strategy):
        return ActiveLearningClassifier(_never_trained(), **{name: wrap(strategy)})

    gap, frame = MinimumGap(RandomSampling()), pd.DataFrame(X, columns=list("abcd"))
    for rows in (X, frame):
        with pytest.raises(ValueError, match="rows are features: give starts= and groups="):
            campaign(gap).fit(rows, y)
    with pytest.raises(ValueError, match="give groups"):
        campaign(gap).fit(X, y, starts=starts)
    with pytest.raises(ValueError, match="give groups"):
        campaign(MaxPerGroup(RandomSampling())).fit(X, y)
    with pytest.raises(ValueError, match="'gap' parameter of MinimumGap"):
        campaign(MinimumGap(RandomSampling(), gap=-1)).fit(X, y, groups=y, starts=starts)
    with pytest.raises(AssertionError, match="trained"):
        campaign(gap).fit(X, y, groups=y, starts=starts)


def test_groups_and_starts_of_rows_from_outside(X):
    rng = np.random.RandomState(6)
    starts, groups = rng.permutation(60).astype(float), np.arange(60) % 2
    recordings = np.where(groups, "a.wav", "b.wav")
    campaign = ActiveLearningClassifier(
        FakeNet(), MinimumGap(RandomSampling(), gap=5), n_initial=10, n_instances=5, budget=20
    ).fit(X, np.arange(200) % 4, groups=np.zeros(200), starts=np.arange(200) * 9.0)
    new = rng.randn(60, 4)
    rows = campaign.query(new, 8, groups=recordings.tolist(), starts=starts.tolist())
    assert len(rows) == 8
    for group in range(2):
        assert np.diff(np.sort(starts[rows][groups[rows] == group])).min() >= 5
    with pytest.raises(ValueError, match="give starts="):
        campaign.query(new, 8)
    with pytest.raises(ValueError, match="X has 60 rows, groups has 3 entries"):
        campaign.query(new, 8, groups=groups[:3], starts=starts)
    with pytest.raises(ValueError, match="starts must have one entry for each of the 60 rows"):
        campaign.query(new, 8, groups=groups, starts=starts[:3])
    with pytest.raises(ValueError, match="pass those of the pool to fit"):
        campaign.query(starts=starts)


def test_minimum_gap_says_what_it_needs(net, X):
    strategy = MinimumGap(MarginSampling())
    with pytest.raises(ValueError, match="rows are features: give starts= and groups="):
        strategy.query(net, X, 2)
    with pytest.raises(ValueError, match="give groups"):
        strategy.query(net, X, 2, starts=np.arange(200))
    with pytest.raises(ValueError, match=r"one entry for each of the 200 rows of X.*\(3,\)"):
        strategy.query(net, X, 2, groups=X[:, 0], starts=[1, 2, 3])
    with pytest.raises(ValueError, match="entry 7 is nan"):
        starts = np.where(np.arange(200) == 7, np.nan, 1)
        strategy.query(net, X, 2, groups=X[:, 0], starts=starts)
