"""The rounds of a campaign: choose, reveal, train."""

import time
import zlib
from dataclasses import dataclass

import numpy as np

from skal._utils.estimators.pipelines import ConstantClassifier, Frozen, ask
from skal.campaign.training.fit import fit_normalization, train, with_parameters
from skal.campaign.training.remembered_features import share_rows
from skal.campaign.view import CampaignView
from skal.learner import Learner
from skal.metrics import classification_scores

_NO_ROWS = np.empty(0, dtype=np.intp)
_NO_SCORES = np.empty(0)
_NO_GUESSES = (_NO_ROWS, _NO_ROWS, np.nan)


@dataclass(eq=False)
class Rounds:
    """Runs the rounds of a campaign."""

    model: object
    state: object
    root_seed: int
    strategy: object
    initial_strategy: object
    update: object
    replay: object
    pseudo_labels: object
    criteria: list
    n_instances: int
    budget: int
    max_rounds: int | None
    weight_names: tuple
    simulated: bool
    store: bool

    def __post_init__(self):
        self.history, self.snapshots = [], []
        self.estimator = None
        self.copy = None  # of the model, for criteria that train a copy
        self.waiting = _NO_ROWS  # labeled, but no model has been trained on them yet
        self.waiting_scores = _NO_SCORES
        self._looks = {}  # scores of the rows of each query since the last training, by its size
        self._seconds_query = 0.0
        self._learner = None

    @property
    def view(self):
        """Return the view for stopping criteria."""
        return CampaignView(self)

    @property
    def next_round(self):
        """Return the number of the next round; 0 before the first training."""
        return len(self.history)

    @property
    def n_rounds(self):
        """Return the number of rounds so far, without the first training."""
        return max(0, self.next_round - 1)

    @property
    def is_constant(self):
        """Return whether the last model is constant, or was trained on labels of one class."""
        if isinstance(self.estimator, ConstantClassifier):
            return True
        # Labels newer than its training are last among those of X, and among those from outside X.
        state, n_old = self.state, len(self.state.labeled) - len(self.waiting)
        outside = np.arange(self.history[-1]["n_labeled"] - n_old) + len(state.labeled)
        y = state.training_set().y[np.concatenate([np.arange(n_old), outside])]
        return len(np.unique(y)) == 1 < len(state.classes)

    @property
    def learner(self):
        """Return the learner for the model of the last round, cached until the next round."""
        if self._learner is None:
            self._learner = self._look_at(self.estimator)
        return self._learner

    def _look_at(self, estimator):
        classes = self.state.classes
        if estimator is None or isinstance(estimator, ConstantClassifier):
            return Learner.without_model(self.model, self.state.usable, estimator, classes)
        return Learner(estimator, classes, needs=self.strategy.required())

    def seed(self, purpose):
        """Return the seed for one purpose in the next round."""
        # Independent of earlier draws, so that a resumed campaign continues identically.
        key = (self.next_round, zlib.crc32(purpose.encode()))
        sequence = np.random.SeedSequence(self.root_seed, spawn_key=key)
        return int(sequence.generate_state(1)[0] & 0x7FFFFFFF)

    def choose(self, n_instances):
        """Choose candidates, without changing the campaign."""
        start = time.perf_counter()
        candidates = self.state.rows(self.state.candidates)
        if len(candidates) == 0:
            return candidates.positions
        indices, scores = self.ask(candidates, n_instances, self.state.groups)
        self._looks[n_instances] = dict(zip(indices.tolist(), scores, strict=True))
        self._seconds_query = time.perf_counter() - start
        return indices

    def ask(self, rows, n_instances, groups):
        """Let the strategy choose; return positions in the base of `rows`, and scores."""
        strategy = self.initial_strategy if self.estimator is None else self.strategy
        labeled = self.state.labeled.copy()
        chosen, scores = strategy.query(
            self.learner,
            rows,
            n_instances,
            X_labeled=self.state.rows(labeled) if len(labeled) else None,
            y_labeled=self.state.labels(labeled) if len(labeled) else None,
            groups=None if groups is None else groups[rows.positions],
            random_state=self.seed("query"),
            return_scores=True,
        )
        return rows.positions[chosen], scores

    def reveal(self, indices, codes):
        """Store the answers of a round."""
        told = self.state.reveal(indices, codes)
        self.waiting = np.concatenate([self.waiting, told])
        self.waiting_scores = np.concatenate([self.waiting_scores, self._scores_of(told)])

    def _scores_of(self, rows):
        """Return the scores of rows from the smallest query that returned them, else NaN."""
        # The last query may be a preview of more rows, which must not change the record.
        scores = {}
        for size in sorted(self._looks, reverse=True):
            scores.update(self._looks[size])
        return np.array([scores.get(row, np.nan) for row in rows.tolist()], dtype=float)

    def learn(self, eval_set=None):
        """Train on the labels and write the record of the round."""
        state = self.state
        if state.n_labeled == 0:
            return None
        n_before = self.history[-1]["n_labeled"] if self.history else 0
        start = time.perf_counter()
        n_trained, from_scratch, guesses = 0, False, _NO_GUESSES
        if state.n_labeled > n_before:
            guesses = self._guess()
            n_trained, from_scratch = self._train(*guesses[:2])
        record = {
            "round": self.next_round,
            "n_labeled": state.n_labeled,
            "n_new_labeled": state.n_labeled - n_before,
            "n_trained": n_trained,
            "from_scratch": from_scratch,
            "indices": self.waiting,
            "scores": self.waiting_scores,
            "seconds_query": self._seconds_query,
            "seconds_fit": time.perf_counter() - start,
        }
        if self.pseudo_labels is not None:
            record.update(self._describe(*guesses))
        if eval_set is not None:
            figures = classification_scores(
                eval_set[1], ask(self.estimator, "predict", eval_set[0])
            )
            record.update((f"eval_{name}", value) for name, value in figures.items())
        self.history.append(record)
        self.waiting, self.waiting_scores = _NO_ROWS, _NO_SCORES
        self._looks, self._seconds_query = {}, 0.0
        if self.store:
            self.snapshots.append(Frozen(self.estimator))
        return record

    def why_stop(self):
        """Return why no further round should be played, or None."""
        limit = self._limit()
        if limit is not None or self.next_round == 0:
            return limit
        # Call all criteria, so that each sees every round.
        reasons = [criterion.reason(self.view) for criterion in self.criteria]
        return next((reason for reason in reasons if reason is not None), None)

    def _limit(self):
        """Return which limit is reached, or None; only an empty pool stops before round 0."""
        if not self.state.open.any():
            n = self.state.n_untold
            untold = f', and {n} of its rows have no label: the answers were "cannot tell"'
            return "the pool is empty" + (untold if n else "")
        if self.next_round and self.state.n_labeled >= self.budget:
            return f"the budget of {self.budget} labels is spent"
        if self.next_round and self.max_rounds is not None and self.n_rounds >= self.max_rounds:
            return f"max_rounds={self.max_rounds} is reached"
        return None

    def _train(self, guessed, guesses):
        """Train, also on pseudo-labels; return the number of rows, and whether from scratch."""
        weight = 1.0 if self.pseudo_labels is None else self.pseudo_labels.weight
        data = self.state.training_set(self._replayed(), guessed, guesses, weight)
        changed, way_on = {}, None
        if self.estimator is None:
            changed = self.update.first_parameters()
            fit_normalization(self.model, self.state.usable, self.seed("adapt"))
        if self.estimator is self.model:
            way_on = self.update.prepare(self.model, data.y)
        with with_parameters(self.model, changed):
            self.estimator = train(
                self.model,
                data,
                self.state.classes,
                self.seed("fit"),
                self.weight_names,
                partial=way_on == "partial_fit",
            )
        self._learner = None
        return (0, False) if changed else (len(data.y), way_on is None)

    def _replayed(self):
        """Return the labeled rows of X to train on: new rows, and replayed old rows."""
        state = self.state
        if self.replay is None or self.estimator is None:
            return state.labeled
        old = state.labeled[~np.isin(state.labeled, self.waiting)]
        if len(old) == 0:
            return state.labeled
        kept = self.replay.choose(self.learner, state.rows(old), state.codes[old])
        return np.concatenate([old[kept], self.waiting])

    def _guess(self):
        """Return pseudo-labels for candidates without an answer in this round."""
        if self.pseudo_labels is None or self.estimator is None or self.is_constant:
            return _NO_GUESSES
        candidates = self.state.candidates
        t = self.next_round - 1
        proba = self.learner.predict_proba(self.state.rows(candidates))
        positions, codes = self.pseudo_labels.choose(proba, t)
        return candidates[positions], codes, self.pseudo_labels.threshold_at(t)

    def _describe(self, guessed, guesses, threshold):
        """Return the entries of a record about pseudo-labels."""
        described = {
            "n_pseudo_labeled": len(guessed),
            "pseudo_indices": guessed,
            "pseudo_labels": self.state.classes[guesses],
            "threshold": threshold,
        }
        if self.simulated:
            right = self.state.codes[guessed] == guesses
            described["pseudo_accuracy"] = float(right.mean()) if len(right) else np.nan
        return described

    def progress(self):
        """Return the numbers and arrays of a checkpoint, next to records, models and rows."""
        state = self.state
        return {
            "seed": self.root_seed,
            "labeled": state.labeled,
            "codes": state.codes[state.labeled],
            "open": state.open,
            "waiting": self.waiting,
            "waiting_scores": self.waiting_scores,
            "seconds_query": self._seconds_query,
        }

    def resume(self, progress, *, history, snapshots, extra, criteria, models):
        """Go on from a checkpoint."""
        state = self.state
        state.labeled, state.open, state.extra = progress["labeled"], progress["open"], extra
        state.codes[state.labeled] = progress["codes"]
        self.waiting, self.waiting_scores = progress["waiting"], progress["waiting_scores"]
        self.root_seed, self._seconds_query = progress["seed"], progress["seconds_query"]
        self.history, self.snapshots = history, snapshots
        # The state of saved criteria, if the caller gave the same criteria again.
        memories = {repr(criterion): criterion for criterion in criteria}
        self.criteria = [memories.get(repr(given), given) for given in self.criteria]
        before, (self.model, self.estimator) = self.model, models
        share_rows(before, self.model)

    def __getstate__(self):
        """Drop caches that can be computed again."""
        return {**self.__dict__, "_learner": None, "_looks": {}, "copy": None}


def describe_round(record):
    """Return a line about a round."""
    line = f"round {record['round']}: {record['n_labeled']} labels"
    if "eval_accuracy" in record:
        line += f", accuracy {record['eval_accuracy']:.3f}"
    line += f", {record['seconds_query']:.2f} s choosing"
    return f"{line}, {record['seconds_fit']:.2f} s training"
