"""The rounds of a campaign: choose, reveal, train."""

import time
import zlib

import numpy as np

from skal._utils.estimators.pipelines import ConstantClassifier, Frozen, ask
from skal._utils.rows.lazy import Rows
from skal.campaign.stopping import Limit
from skal.campaign.training.fit import fit_arguments, fit_normalization, train, with_parameters
from skal.campaign.training.remembered import share_rows
from skal.campaign.view import CampaignView
from skal.learner import Learner
from skal.metrics import classification_scores

_NO_ROWS = np.empty(0, dtype=np.intp)
_NO_SCORES = np.empty(0)
_NO_GUESSES = {"pseudo_indices": _NO_ROWS, "pseudo_codes": _NO_ROWS, "threshold": np.nan}


class Rounds:
    """Runs the rounds of a campaign."""

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
        self.waiting_scores = _NO_SCORES
        self._seed = seed
        self._looks = {}  # scores of the rows of each query since the last training, by its size
        self._seconds_query = 0.0
        self._learner = None
        self._way_on = None
        self.view = CampaignView(self)

    @property
    def next_round(self):
        """Return the number of the next round; 0 before the first training."""
        return len(self.history)

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
        sequence = np.random.SeedSequence(self._seed, spawn_key=key)
        return int(sequence.generate_state(1)[0] & 0x7FFFFFFF)

    def choose(self, n_instances):
        """Choose candidates, without changing the campaign."""
        start = time.perf_counter()
        state = self.state
        candidates = state.candidates
        if len(candidates) == 0:
            return candidates
        strategy = self.initial_strategy if self.estimator is None else self.strategy
        positions, scores = strategy.query(
            self.learner,
            Rows(state.X, candidates),
            n_instances,
            **self.labeled(),
            groups=None if state.groups is None else state.groups[candidates],
            starts=None if state.starts is None else state.starts[candidates],
            random_state=self.seed("query"),
            return_scores=True,
        )
        indices = candidates[positions]
        self._looks[n_instances] = dict(zip(indices.tolist(), scores, strict=True))
        self._seconds_query = time.perf_counter() - start
        return indices

    def labeled(self):
        """Return the labeled rows of X as keyword arguments of a strategy's ``query``."""
        labeled = self.state.labeled
        if len(labeled) == 0:
            return {"X_labeled": None, "y_labeled": None}
        return {
            "X_labeled": Rows(self.state.X, labeled.copy()),
            "y_labeled": self.state.labels(labeled),
        }

    def reveal(self, indices, codes):
        """Store the answers of a round."""
        told = self.state.reveal(indices, codes)
        self.waiting = np.concatenate([self.waiting, told])
        self.waiting_scores = np.concatenate([self.waiting_scores, self._scores_of(told)])

    def _scores_of(self, rows):
        """Return the scores of rows from the smallest query that returned them, else NaN."""
        # Not from the last query: previews of more rows must not change the record.
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
        n_trained = 0
        if state.n_labeled > n_before:
            n_trained = self._train()
        else:
            self.pseudo = None  # pseudo-labels of the last round do not count in this one
        record = {
            "round": self.next_round,
            "n_labeled": state.n_labeled,
            "n_new_labeled": state.n_labeled - n_before,
            "n_trained": n_trained,
            "from_scratch": n_trained > 0 and self._way_on is None,
            "indices": self.waiting,
            "scores": self.waiting_scores,
            "seconds_query": self._seconds_query,
            "seconds_fit": time.perf_counter() - start,
        }
        if self.pseudo_labels is not None:
            record.update(self._describe_pseudo())
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
        limits = [c for c in self.criteria if isinstance(c, Limit)]
        for limit in limits:  # first, since they cost nothing
            if (reason := limit.reason(self.view)) is not None:
                return reason
        # All others are asked, so that each sees every round, whichever stops first.
        others = [c for c in self.criteria if not isinstance(c, Limit)]
        reasons = [criterion.reason(self.view) for criterion in others]
        return next((reason for reason in reasons if reason is not None), None)

    def _train(self):
        """Train on new labels, replayed old labels, and pseudo-labels."""
        rows = self._replayed()
        self.pseudo = self._guess()
        guesses = self.pseudo or _NO_GUESSES
        guessed = guesses["pseudo_indices"]
        X, y, weights = self.state.training_set(
            rows,
            (guessed, guesses["pseudo_codes"]),
            1.0 if self.pseudo_labels is None else self.pseudo_labels.weight,
        )
        changed, self._way_on = {}, None
        if self.estimator is None:
            changed = self.update.first_parameters()
            fit_normalization(self.model, self.state.usable, self.seed("adapt"))
        if self.estimator is self.model:
            self._way_on = self.update.prepare(self.model, y)
        arguments = fit_arguments(
            self.model,
            len(y),
            n_guessed=len(guessed),
            groups=self.state.training_groups(rows, guessed),
            weights=weights,
            weight_names=self.weight_names,
        )
        with with_parameters(self.model, changed):
            self.estimator = train(
                self.model,
                (X, y, weights),
                self.state.classes,
                self.seed("fit"),
                arguments,
                partial=self._way_on == "partial_fit",
            )
        self._learner = None
        return 0 if changed else len(y)

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
        """Return pseudo-labels for candidates without an answer in this round."""
        if self.pseudo_labels is None or self.estimator is None:
            return None
        if len(np.unique(self.state.training_labels())) < 2:
            return None  # a model that has seen one class is sure of it everywhere
        candidates = self.state.candidates
        proba = self.learner.predict_proba(Rows(self.state.X, candidates))
        t = self.next_round - 1
        positions, codes = self.pseudo_labels.choose(proba, t)
        return {
            "pseudo_indices": candidates[positions],
            "pseudo_codes": codes,
            "threshold": self.pseudo_labels.threshold_at(t),
        }

    def _describe_pseudo(self):
        pseudo = self.pseudo or _NO_GUESSES
        indices = pseudo["pseudo_indices"]
        described = {
            "n_pseudo_labeled": len(indices),
            "pseudo_indices": indices,
            "threshold": pseudo["threshold"],
        }
        if self.simulated:
            right = self.state.codes[indices] == pseudo["pseudo_codes"]
            described["pseudo_accuracy"] = float(right.mean()) if len(right) else np.nan
        return described

    def progress(self):
        """Return the numbers and arrays of a checkpoint, next to records, models and rows."""
        state = self.state
        return {
            "seed": self._seed,
            "labeled": state.labeled,
            "codes": state.codes[state.labeled],
            "open": state.open,
            "waiting": self.waiting,
            "waiting_scores": self.waiting_scores,
            "seconds_query": self._seconds_query,
            **(self.pseudo or {}),
        }

    def resume(self, progress, *, history, snapshots, extra, criteria, models):
        """Go on from a checkpoint."""
        state = self.state
        state.labeled, state.open, state.extra = progress["labeled"], progress["open"], extra
        state.codes[state.labeled] = progress["codes"]
        self.waiting, self.waiting_scores = progress["waiting"], progress["waiting_scores"]
        self._seed, self._seconds_query = progress["seed"], progress["seconds_query"]
        if "pseudo_indices" in progress:
            self.pseudo = {name: progress[name] for name in _NO_GUESSES}
        self.history, self.snapshots = history, snapshots
        # The state of saved criteria, if the caller gave the same criteria again.
        memories = {repr(criterion): criterion for criterion in criteria}
        self.criteria = [memories.get(repr(given), given) for given in self.criteria]
        before, (self.model, self.estimator) = self.model, models
        share_rows(before, self.model)

    def __getstate__(self):
        """Drop caches that can be computed again."""
        return {**self.__dict__, "_learner": None, "_looks": {}, "view": None}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.view = CampaignView(self)


def describe_round(record):
    """Return a line about a round."""
    line = f"round {record['round']}: {record['n_labeled']} labels"
    if "eval_accuracy" in record:
        line += f", accuracy {record['eval_accuracy']:.3f}"
    line += f", {record['seconds_query']:.2f} s choosing"
    return f"{line}, {record['seconds_fit']:.2f} s training"
