"""The rounds of a campaign: choose, reveal, train."""

import time
import zlib

import numpy as np

from skal._rows import Rows
from skal.campaign.snapshots import take_snapshot
from skal.campaign.training import adapt, train, validation_arguments, with_parameters
from skal.learner import Learner
from skal.metrics import evaluate

_NO_ROWS = np.empty(0, dtype=np.intp)


class Rounds:
    """Play the rounds of one campaign.

    Parameters
    ----------
    model : estimator
        The classifier, trained in place in every round.
    state : CampaignState
        Rows and labels.
    seed : int
        Seed of the campaign.
    strategy, initial_strategy : QueryStrategy
        Choose rows, with a model and before there is one.
    update : Retrain or Finetune
        Where a round's training begins.
    replay : Replay or None
        Which old labels a round trains on.
    pseudo_labels : PseudoLabels or None
        What a round trains on besides.
    criteria : list of StoppingCriterion
        When to stop.
    weight_names : tuple of str
        Keyword arguments of the classifier's ``fit`` that take sample weights.
    simulated : bool
        Whether the labels of all rows are known, so that pseudo-labels can be scored.
    store : bool
        Keep the model of each round.

    Attributes
    ----------
    history : list of dict
        The records of the rounds played.
    estimator : estimator or None
        The model of the last round.
    pseudo : dict
        The pseudo-labels of the last round: ``indices``, ``codes``, ``threshold``.
    """

    def __init__(
        self,
        model,
        state,
        seed,
        *,
        strategy,
        initial_strategy,
        update,
        replay,
        pseudo_labels,
        criteria,
        weight_names,
        simulated,
        store,
    ):
        self.model = model
        self.state = state
        self.strategy = strategy
        self.initial_strategy = initial_strategy
        self.update = update
        self.replay = replay
        self.pseudo_labels = pseudo_labels
        self.criteria = criteria
        self.weight_names = weight_names
        self.simulated = simulated
        self.store = store
        self.history = []
        self.snapshots = []
        self.estimator = None
        self.pseudo = None
        self.waiting = _NO_ROWS  # labeled, but no model has been trained on them yet
        self._seed = seed
        self._asked = {}  # score of each row asked for since the last training
        self._seconds_query = 0.0
        self._learner = None

    @property
    def next_round(self):
        """Return the number of the round to come; 0 as long as nothing has been trained."""
        return len(self.history)

    @property
    def learner(self):
        """Return the window on the model of the last round, the same until the next one."""
        if self._learner is None:
            self._learner = Learner(
                self.estimator, self.state.classes, needs=self.strategy.required()
            )
        return self._learner

    def seed(self, purpose):
        """Return the seed for one purpose in the round to come.

        Each round draws its own, independent of what happened before it: a campaign taken
        up again goes on as if it had never stopped.

        Parameters
        ----------
        purpose : str
            What is drawn with it.

        Returns
        -------
        int
            From 0 to 2**31 - 1, which every library takes.
        """
        key = (self.next_round, zlib.crc32(purpose.encode()))
        sequence = np.random.SeedSequence(self._seed, spawn_key=key)
        return int(sequence.generate_state(1)[0] & 0x7FFFFFFF)

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
        candidates = state.candidates
        if len(candidates) == 0:
            return candidates
        if self.estimator is None:
            strategy = self.initial_strategy
            learner = Learner.without_model(self.model, state.usable.take())
        else:
            strategy, learner = self.strategy, self.learner
        positions, scores = strategy.query(
            learner,
            Rows(state.X, candidates),
            n_instances,
            **self.labeled(),
            groups=None if state.groups is None else state.groups[candidates],
            starts=None if state.starts is None else state.starts[candidates],
            random_state=self.seed("query"),
            return_scores=True,
        )
        indices = candidates[positions]
        self._asked.update(zip(indices.tolist(), scores, strict=True))
        self._seconds_query = time.perf_counter() - start
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

    def reveal(self, indices, codes):
        """Take in the answers of a round.

        Parameters
        ----------
        indices : ndarray of shape (n,)
            Positions in X.
        codes : ndarray of shape (n,)
            Class of each, -1 for "cannot tell".
        """
        told = self.state.reveal(indices, codes)
        self.waiting = np.concatenate([self.waiting, told])

    def learn(self, eval_set=None):
        """Train on the labels and write the record of the round.

        Parameters
        ----------
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
        start = time.perf_counter()
        n_trained = 0
        if state.n_labeled > n_before:
            n_trained = self._train()
        else:
            self.pseudo = None  # those of the last round are no part of this one
        record = {
            "round": self.next_round,
            "n_labeled": state.n_labeled,
            "n_new_labeled": state.n_labeled - n_before,
            "n_trained": n_trained,
            "indices": self.waiting,
            "scores": np.array([self._asked.get(row, np.nan) for row in self.waiting.tolist()]),
            "seconds_query": self._seconds_query,
            "seconds_fit": time.perf_counter() - start,
        }
        if self.pseudo_labels is not None:
            record.update(self._describe_pseudo())
        if eval_set is not None:
            figures = evaluate(eval_set[1], self.estimator.predict(eval_set[0]))
            record.update((f"eval_{name}", value) for name, value in figures.items())
        self.history.append(record)
        self.waiting, self._asked, self._seconds_query = _NO_ROWS, {}, 0.0
        if self.store:
            self.snapshots.append(take_snapshot(self.estimator))
        return record

    def training_set(self):
        """Return rows, labels and weights of everything labeled by people."""
        return self.state.training_set()

    def why_stop(self):
        """Return why no further round should be played, or None."""
        reasons = (criterion.reason(self) for criterion in self.criteria)
        return next((reason for reason in reasons if reason is not None), None)

    def _train(self):
        """Train on what the model of the last round makes of old labels and of the pool."""
        rows = self._replayed()
        self.pseudo = self._guess()
        data = self.state.training_set(
            rows,
            None if self.pseudo is None else (self.pseudo["indices"], self.pseudo["codes"]),
            1.0 if self.pseudo_labels is None else self.pseudo_labels.weight,
        )
        changed = {}
        if self.estimator is None:
            changed = self.update.first_parameters()
            adapt(self.model, self.state.usable, self.seed("adapt"))
        if self.estimator is self.model:
            self.update.prepare(self.model)
        names = () if data[2] is None else self.weight_names
        guessed = _NO_ROWS if self.pseudo is None else self.pseudo["indices"]
        groups = self.state.training_groups(rows, guessed)
        about = validation_arguments(self.model, len(data[1]), len(guessed), groups)
        with with_parameters(self.model, changed):
            self.estimator = train(
                self.model, data, self.state.classes, self.seed("fit"), names, about
            )
        self._learner = None
        return 0 if changed else len(data[1])

    def _replayed(self):
        state = self.state
        if self.replay is None or self.estimator is None:
            return state.labeled
        old = state.labeled[~np.isin(state.labeled, self.waiting)]
        if len(old) == 0:
            return state.labeled
        kept = self.replay.choose(self.learner, Rows(state.X, old), state.codes[old])
        return np.concatenate([old[kept], self.waiting])

    def _guess(self):
        """Return pseudo-labels for candidates that nobody was asked for in this round."""
        if self.pseudo_labels is None or self.estimator is None:
            return None
        candidates = np.setdiff1d(self.state.candidates, list(self._asked))
        proba = self.learner.predict_proba(Rows(self.state.X, candidates))
        t = self.next_round - 1
        positions, codes = self.pseudo_labels.choose(proba, t)
        return {
            "indices": candidates[positions],
            "codes": codes,
            "threshold": self.pseudo_labels.threshold_at(t),
        }

    def _describe_pseudo(self):
        pseudo = self.pseudo or {"indices": _NO_ROWS, "codes": _NO_ROWS, "threshold": np.nan}
        described = {
            "n_pseudo_labeled": len(pseudo["indices"]),
            "pseudo_indices": pseudo["indices"],
            "threshold": pseudo["threshold"],
        }
        if self.simulated:
            right = self.state.codes[pseudo["indices"]] == pseudo["codes"]
            described["pseudo_accuracy"] = float(right.mean()) if len(right) else np.nan
        return described

    _PROGRESS = (
        "history",
        "snapshots",
        "model",
        "estimator",
        "pseudo",
        "waiting",
        "criteria",
        "_seed",
        "_asked",
        "_seconds_query",
    )

    def progress(self):
        """Return everything that has happened so far, for a checkpoint."""
        saved = {name: getattr(self, name) for name in self._PROGRESS}
        saved["state"] = self.state.progress()
        return saved

    def resume(self, saved):
        """Go on from a checkpoint.

        Parameters
        ----------
        saved : dict
            From `progress`.
        """
        self.state.resume(saved["state"])
        limits = self.criteria
        for name in self._PROGRESS:
            setattr(self, name, saved[name])
        self.criteria = _merge_criteria(limits, saved["criteria"])

    def __getstate__(self):
        """Leave out what can be computed again."""
        return {**self.__dict__, "_learner": None}


def _merge_criteria(given, saved):
    """Take the memory of saved criteria where the caller gave the same ones again."""
    memories = {repr(criterion): criterion for criterion in saved}
    return [memories.get(repr(criterion), criterion) for criterion in given]


def describe_round(record):
    """Return a line about a round.

    Parameters
    ----------
    record : dict
        From the history of a campaign.

    Returns
    -------
    str
    """
    line = f"round {record['round']}: {record['n_labeled']} labels"
    if "eval_accuracy" in record:
        line += f", accuracy {record['eval_accuracy']:.3f}"
    line += f", {record['seconds_query']:.2f} s choosing"
    return f"{line}, {record['seconds_fit']:.2f} s training"
