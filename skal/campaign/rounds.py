"""The rounds of a campaign: choose, reveal, train."""

import time

import numpy as np

from skal._rows import Rows
from skal.campaign.snapshots import take_snapshot
from skal.campaign.training import train
from skal.learner import Learner
from skal.metrics import evaluate

# What a seed is for. Each round draws its own seeds from the campaign's, independent of what
# happened before it: a campaign taken up again goes on as if it had never stopped.
_QUERY, _FIT = range(2)


def round_seed(root, round_number, purpose):
    """Return the seed for one purpose in one round.

    Parameters
    ----------
    root : int
        Seed of the campaign.
    round_number : int
        Number of the round.
    purpose : int
        What is drawn with it.

    Returns
    -------
    int
        From 0 to 2**31 - 1, which every library takes.
    """
    sequence = np.random.SeedSequence(root, spawn_key=(round_number, purpose))
    return int(sequence.generate_state(1)[0] & 0x7FFFFFFF)


class Rounds:
    """Play the rounds of one campaign.

    Parameters
    ----------
    model : estimator
        The classifier, trained in place in every round.
    strategy, initial_strategy : QueryStrategy
        Choose rows, with a model and before there is one.
    state : CampaignState
        Rows and labels.
    seed : int
        Seed of the campaign.
    weight_names : tuple of str
        Keyword arguments of the classifier's ``fit`` that take sample weights.
    store : bool
        Keep the model of each round.
    """

    def __init__(self, model, strategy, initial_strategy, state, seed, weight_names, store):
        self.strategy = strategy
        self.state = state
        self.history = []
        self.snapshots = []
        self.estimator = None
        self._model = model
        self._initial_strategy = initial_strategy
        self._seed = seed
        self._weight_names = weight_names
        self._store = store
        self._asked = None

    @property
    def next_round(self):
        """Number of the round to come; 0 as long as nothing has been trained."""
        return len(self.history)

    def learner(self):
        """Return the window on the model of the last round."""
        return Learner(self.estimator, self.state.classes, needs=self.strategy.required())

    def query_seed(self):
        """Return the seed of the next choice."""
        return round_seed(self._seed, self.next_round, _QUERY)

    def choose(self, n_instances):
        """Choose among the rows that may be asked for.

        Parameters
        ----------
        n_instances : int
            Rows wanted.

        Returns
        -------
        ndarray of shape (n,)
            Positions in X, most wanted first.
        """
        start = time.perf_counter()
        state = self.state
        if self.estimator is None:
            strategy = self._initial_strategy
            learner = Learner.without_model(self._model, state.X)
        else:
            strategy, learner = self.strategy, self.learner()
        candidates = state.candidates
        positions, scores = strategy.query(
            learner,
            Rows(state.X, candidates),
            n_instances,
            **self.labeled(),
            groups=None if state.groups is None else state.groups[candidates],
            random_state=self.query_seed(),
            return_scores=True,
        )
        indices = candidates[positions]
        self._asked = (indices, scores, time.perf_counter() - start)
        return indices

    def labeled(self):
        """Return the labeled rows of X as keyword arguments of a strategy's ``query``."""
        labeled = self.state.labeled
        if len(labeled) == 0:
            return {"X_labeled": None, "y_labeled": None}
        return {
            "X_labeled": Rows(self.state.X, labeled),
            "y_labeled": self.state.labels(labeled),
        }

    def learn(self, told, eval_set=None):
        """Train on all labels and write the record of the round.

        Parameters
        ----------
        told : ndarray of shape (n,)
            Positions labeled since the last training.
        eval_set : tuple (X, y) or None
            Scored for the record only.

        Returns
        -------
        dict or None
            The record; None if there is no label at all yet.
        """
        state = self.state
        if state.n_labeled == 0:
            return None
        n_before = self.history[-1]["n_labeled"] if self.history else 0
        scores, seconds_query = self._recall(told)
        start = time.perf_counter()
        if state.n_labeled > n_before:
            seed = round_seed(self._seed, self.next_round, _FIT)
            self.estimator = train(self._model, state, seed, self._weight_names)
        record = {
            "round": self.next_round,
            "n_labeled": state.n_labeled,
            "n_new_labeled": state.n_labeled - n_before,
            "indices": told,
            "scores": scores,
            "seconds_query": seconds_query,
            "seconds_fit": time.perf_counter() - start,
        }
        if eval_set is not None:
            figures = evaluate(eval_set[1], self.estimator.predict(eval_set[0]))
            record.update((f"eval_{name}", value) for name, value in figures.items())
        self.history.append(record)
        if self._store:
            self.snapshots.append(take_snapshot(self.estimator))
        return record

    def _recall(self, told):
        """Return the scores that the last choice gave to rows, and how long choosing took."""
        if self._asked is None:
            return np.full(len(told), np.nan), 0.0
        indices, scores, seconds = self._asked
        self._asked = None
        found = dict(zip(indices.tolist(), scores, strict=True))
        return np.array([found.get(index, np.nan) for index in told.tolist()]), seconds
