"""Limits on the rows of one recording in a round."""

from abc import abstractmethod
from bisect import bisect_left, insort
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.private import Interval
from skal._utils.sound.windows import as_window
from skal.strategies.base import QueryStrategy
from skal.strategies.composition import query_among

__all__ = ["MaxPerGroup", "MinimumGap", "occurrence", "spaced"]


class _Limited(QueryStrategy):
    """Base of strategies that pick from another strategy's ranking under limits."""

    # The inner strategy ranks as many rows as wanted. If the limits allow too few of them, it
    # ranks twice as many, without the excluded rows.

    @abstractmethod
    def _limits(self, X, groups):
        """Return the limits on the rows of X, a `_Cap` or `_Gaps`."""

    def check_pool(self, X, *, groups=None):
        """Raise an error if groups or times are missing; see `QueryStrategy.check_pool`."""
        super().check_pool(X, groups=groups)
        self._limits(X, groups)

    def select(self, learner, X, n_instances, *, groups, random_state, **context):
        """Pick the best rows that the limits allow together; see `QueryStrategy.select`."""
        limits = self._limits(X, groups)
        wanted = min(n_instances, limits.capacity)
        context["groups"] = groups
        seed = random_state.randint(np.iinfo(np.int32).max)
        among, asked = np.arange(len(X)), n_instances
        while True:
            # Use the same seed each time, so that a longer ranking begins like the shorter one.
            context["random_state"] = check_random_state(seed)
            positions, scores = query_among(self.strategy, learner, X, asked, among, **context)
            allowed = limits.allowed(positions)
            kept = positions[allowed]
            if len(kept) >= wanted or asked >= len(among):
                return kept[:n_instances], scores[allowed][:n_instances]
            among = np.union1d(kept, among[limits.open(among, kept)])
            asked = min(2 * asked, len(among))


class MaxPerGroup(_Limited):
    """Limit the rows of each group in a round.

    A group is a recording, a speaker or a place: several queries about it in one round are
    redundant. Groups are given to `query` or ``fit``. If there are too few groups, fewer rows than
    wanted are picked.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        Picks the rows.
    n_per_group : int, default=1
        Maximum number of rows of a group in a round.

    See Also
    --------
    MinimumGap : Limits the picks of a recording by their distance in time.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import MarginSampling, MaxPerGroup
    >>> model = LogisticRegression().fit([[0.0], [4.0]], ["cat", "dog"])
    >>> X = np.array([[2.0], [2.1], [2.5], [4.0]])
    >>> nights = np.array(["Monday", "Monday", "Tuesday", "Tuesday"])
    >>> MarginSampling().query(model, X, 2).tolist()
    [0, 1]
    >>> MaxPerGroup(MarginSampling()).query(model, X, 2, groups=nights).tolist()
    [0, 2]
    """

    _parameter_constraints = {
        "strategy": [QueryStrategy, callable],
        "n_per_group": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, strategy, n_per_group=1):
        self.strategy = strategy
        self.n_per_group = n_per_group

    def _limits(self, X, groups):
        if groups is None:
            raise ValueError(
                "MaxPerGroup needs the group of every row: give groups to query or fit"
            )
        return _Cap(np.unique(groups, return_inverse=True)[1], self.n_per_group)


class MinimumGap(_Limited):
    """Require a minimum time between picks of one recording in a round.

    For pools of windows of long recordings, whose neighbors contain the same sound. If the
    recordings are too short, fewer rows than wanted are picked.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        Picks the rows.
    gap : float, default=60.0
        Minimum time between the starts of two rows of one recording, in s.

    See Also
    --------
    MaxPerGroup : Limits the number of picks of a recording.

    Notes
    -----
    Give start times in s to `query` or ``fit`` as ``starts``, and recordings as ``groups``.
    Neither is needed for window addresses such as ``night.wav#t=60,64``, which
    `skal.datasets.load_audio_folder` returns.

    Examples
    --------
    Windows of one recording, which start every 4 s:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import MarginSampling, MinimumGap
    >>> model = LogisticRegression().fit([[0.0], [4.0]], ["cat", "dog"])
    >>> X = np.array([[2.0], [2.1], [2.5], [4.0]])
    >>> context = {"groups": np.array(["night"] * 4), "starts": np.array([0.0, 4.0, 8.0, 12.0])}
    >>> MarginSampling().query(model, X, 2, **context).tolist()
    [0, 1]
    >>> MinimumGap(MarginSampling(), gap=8.0).query(model, X, 2, **context).tolist()
    [0, 2]
    """

    _parameter_constraints = {
        "strategy": [QueryStrategy, callable],
        "gap": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, strategy, gap=60.0):
        self.strategy = strategy
        self.gap = gap

    def _limits(self, X, groups):
        if X.starts is None:
            recordings, starts = _addresses(X)
        elif groups is None:
            raise ValueError(
                "MinimumGap with starts= needs the recording of every row: give groups to query "
                "or fit"
            )
        else:
            recordings, starts = groups, X.starts
        return _Gaps(np.unique(recordings, return_inverse=True)[1], starts, self.gap)


def _addresses(rows):
    """Parse recordings and starts of window addresses."""
    try:
        # Iterating over a frame yields column names.
        windows = [as_window(row) for row in rows.take()] if rows.ndim == 1 else None
    except TypeError:
        windows = None
    if windows is None:
        raise ValueError(
            "MinimumGap reads the time from rows that are paths or windows of recordings; these "
            "rows are features: give starts= and groups= to query or fit"
        )
    return [window.path for window in windows], np.array([window.start for window in windows])


class _Cap:
    """At most `most` rows of a group."""

    def __init__(self, codes, most):
        self.codes, self.most = codes, most
        self.capacity = np.minimum(np.bincount(codes), most).sum()

    def allowed(self, ranking):
        return occurrence(self.codes[ranking]) < self.most

    def open(self, rows, kept):
        counts = np.bincount(self.codes[kept], minlength=self.codes.max() + 1)
        return counts[self.codes[rows]] < self.most


class _Gaps:
    """Rows of a recording at least `gap` seconds apart."""

    def __init__(self, codes, starts, gap):
        self.codes, self.starts, self.gap = codes, starts, gap
        self.capacity = len(codes)

    def allowed(self, ranking):
        return spaced(self.codes[ranking], self.starts[ranking], self.gap)

    def open(self, rows, kept):
        order = kept[np.lexsort((self.starts[kept], self.codes[kept]))]
        # Put all recordings on one time axis, separated by more than the gap.
        step = np.ptp(self.starts) + 2 * self.gap + 1
        line = self.codes * step + (self.starts - self.starts.min())
        taken = np.concatenate([[-np.inf], line[order], [np.inf]])
        after = np.searchsorted(taken, line[rows])
        nearest = np.minimum(taken[after] - line[rows], line[rows] - taken[after - 1])
        return nearest >= self.gap


def spaced(groups, starts, gap):
    """Mark entries that are far enough from all earlier marked entries of their group."""
    taken, marks = {}, np.zeros(len(groups), dtype=bool)
    for i, (group, start) in enumerate(zip(groups.tolist(), starts.tolist(), strict=True)):
        places = taken.setdefault(group, [])
        after = bisect_left(places, start)
        near = places[max(after - 1, 0) : after + 1]
        if all(abs(start - place) >= gap for place in near):
            insort(places, start)
            marks[i] = True
    return marks


def occurrence(values):
    """Count the equal entries before each entry."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    counts = np.empty(len(values), dtype=np.intp)
    counts[order] = np.arange(len(values)) - starts
    return counts
