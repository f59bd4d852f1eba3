"""Rounds of a project: train on what people said, and choose what to ask."""

import contextlib
import shutil
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import func, select

from skal._files import FolderHeldError, hold_folder, remove_leftovers
from skal.campaign import ActiveLearningClassifier
from skal.label.asking.records import ProjectError
from skal.label.asking.votes import SETTLING
from skal.label.learning.choices import compare, draw_audits, expect, rank
from skal.label.learning.pool import read_pool
from skal.label.store import rounds as publishing
from skal.label.store.tables import classes, clips, queue

__all__ = ["Trainer"]

# Labels after which training begins: so many of each class, or so many for each class in all.
_OF_EACH, _IN_ALL = 2, 3
# What a checkpoint of another version, or of other parameters, may raise.
_NO_CHECKPOINT = (ValueError, EOFError, AttributeError, ImportError, KeyError)


@dataclass
class _Campaign:
    """A campaign, and what it was taught.

    Attributes
    ----------
    number : int
        Round in which it began.
    classifier : ActiveLearningClassifier
        The campaign itself.
    classes : list of str
        All classes when it began.
    pool : str
        Digest of its clips.
    taught : dict of int to str or None
        What it knows of clips; None for "cannot tell".
    guesses : ndarray or None
        See `skal.label.learning.choices.compare`.
    """

    number: int
    classifier: ActiveLearningClassifier
    classes: list
    pool: str
    taught: dict = field(default_factory=dict)
    guesses: np.ndarray | None = None


class Trainer:
    """Trains the model of a project, round by round.

    Parameters
    ----------
    project : LabelingProject
        Open.
    on_features : callable, default=None
        Called as ``on_features(n_done, n_clips, n_failed)`` while features are computed.
    """

    def __init__(self, project, on_features=None):
        self.project = project
        self.on_features = on_features
        self._pool = None
        self._campaign = None
        self._is_new = True

    @contextlib.contextmanager
    def hold(self):
        """Keep other processes from training this project.

        Yields
        ------
        None

        Raises
        ------
        ProjectError
            With code "locked" if another one does.
        """
        folder = self.project.folder / "models"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with hold_folder(folder):
                remove_leftovers(folder)
                yield
        except FolderHeldError as error:
            raise ProjectError("locked", f"another process trains already: {error}") from error

    def step(self, at_least):
        """Train a round if there is reason to, where `hold` is in force.

        Parameters
        ----------
        at_least : int
            New answers that are reason enough.

        Returns
        -------
        int or None
            Number of the round; None if there was no reason.
        """
        if self._is_new:
            publishing.end_interrupted(self.project.store, "the training process was interrupted")
            self._is_new = False
        self._pool = read_pool(self.project, self._pool, self.on_features)
        names, said = self._said()
        if self._campaign is None and (finished := self._resume(names)) is not None:
            return finished
        new = self._news(said)
        if not _enough(names, said):
            if self._campaign is None:
                self._choose_first(names)
            return None
        if self._campaign is not None and not self._is_due(new, said, at_least):
            return None
        begin = self._campaign is None or not self._goes_on(names, said)
        return self._round(names, said if begin else new, begin)

    def _said(self):
        """Return the classes, and what is said of each clip, in the order of the answers."""
        query = (
            select(clips.c.id, classes.c.name)
            .outerjoin(classes, classes.c.id == clips.c.class_id)
            .where(clips.c.kind.in_(SETTLING))
            .order_by(clips.c.answer_id)
        )
        with self.project.store.read() as connection:
            names = connection.execute(select(classes.c.name)).scalars().all()
            found = connection.execute(query).all()
        known = self._pool.has([clip_id for clip_id, _ in found])
        return sorted(names), dict(row for row, here in zip(found, known, strict=True) if here)

    def _news(self, said):
        """Return what is said of clips and was not taught."""
        taught = {} if self._campaign is None else self._campaign.taught
        nothing = object()
        return {i: label for i, label in said.items() if taught.get(i, nothing) != label}

    def _is_due(self, new, said, at_least):
        gone = [i for i in self._campaign.taught if i not in said]
        if not any(new.values()) and not gone:
            return False
        if len(new) + len(gone) >= at_least:
            return True
        with self.project.store.read() as connection:
            return connection.execute(select(func.count()).where(clips.c.open)).scalar_one() == 0

    def _goes_on(self, names, said):
        """Tell whether the campaign can be taught what is new, or must begin again."""
        campaign = self._campaign
        if campaign.classes != names or campaign.pool != self._pool.digest:
            return False
        return all(i in said and said[i] == label for i, label in campaign.taught.items())

    def _make_classifier(self, number, names):
        project, parts = self.project, self._pool.components
        return ActiveLearningClassifier(
            parts.model,
            parts.strategy,
            initial_strategy=parts.initial_strategy,
            n_instances=project.settings["n_instances"],
            budget=None,
            classes=names,
            checkpoint=None if number is None else self._checkpoint(number),
            random_state=project.settings["random_state"],
        )

    def _checkpoint(self, number):
        return self.project.folder / "campaign" / f"{number:04d}"

    def _fit(self, number, names, batch):
        """Begin a campaign, or take up the one whose checkpoint is there."""
        y = np.full(len(self._pool.ids), None, dtype=object)
        y[self._pool.rows(list(batch))] = list(batch.values())
        classifier = self._make_classifier(number, names)
        return classifier.fit(self._pool.X, y, groups=self._pool.groups)

    def _begin(self, number, names, batch):
        self._campaign = None
        classifier = self._fit(number, names, batch)
        self._campaign = _Campaign(number, classifier, names, self._pool.digest)
        self._campaign.taught.update((i, label) for i, label in batch.items() if label)
        unclear = {i: None for i, label in batch.items() if label is None}
        if unclear:
            self._teach(unclear)
        for old in self._checkpoint(number).parent.glob("*"):
            if old.name != self._checkpoint(number).name:
                shutil.rmtree(old, ignore_errors=True)

    def _teach(self, batch):
        y = np.empty(len(batch), dtype=object)
        y[:] = list(batch.values())
        self._campaign.classifier.teach(indices=self._pool.rows(list(batch)), y=y)
        self._campaign.taught.update(batch)

    def _choose_first(self, names):
        """Choose clips by their features alone, once."""
        with self.project.store.read() as connection:
            chosen = connection.execute(select(func.count()).select_from(queue)).scalar_one()
        no_strategy = self._pool.components.initial_strategy is None
        if chosen or no_strategy or len(names) < 2:
            return
        classifier = self._fit(None, names, {})
        rows = rank(classifier, self.project.settings["n_instances"])
        ids = self._pool.ids[rows].tolist()
        publishing.publish(
            self.project.store, None, ranking={"initial": [(i, None) for i in ids]}, guesses=[]
        )

    def _round(self, names, batch, begin):
        """Train, choose, and write both down."""
        store = self.project.store
        known = {} if begin else self._campaign.taught
        n_labels = sum(label is not None for label in (known | batch).values())
        record = {"batch": list(batch.items()), "pool": self._pool.digest, "classes": names}
        record["campaign"] = None if begin else self._campaign.number
        number = publishing.begin_round(store, n_labels, self._strategy_name(), record)

        def _record_failure(_, error, traceback):
            if error is not None:
                self._campaign = None  # it may be half taught; its checkpoint is whole
                publishing.fail_round(store, number, f"{type(error).__name__}: {error}")

        with contextlib.ExitStack() as ending:
            ending.push(_record_failure)
            if begin:
                self._begin(number, names, batch)
            else:
                self._teach(batch)
            self._publish(number, record)
        return number

    def _strategy_name(self):
        strategy = self._pool.components.strategy
        return "MarginSampling()" if strategy is None else repr(strategy)

    def _publish(self, number, record):
        """Save the model, and write down what it wants to know and what it expects."""
        project, pool, campaign = self.project, self._pool, self._campaign
        n_instances, seed = (project.settings[name] for name in ("n_instances", "random_state"))
        classifier = campaign.classifier
        rows = rank(classifier, n_instances)
        chosen = pool.ids[rows].tolist()
        audits = []
        if project.settings["audit_share"] > 0:
            audits = draw_audits(self._open_ids(), n_instances, seed, number).tolist()
        campaign.guesses, agreement = compare(classifier, pool, seed, campaign.guesses)
        last = classifier.history_[-1]
        record = record | {
            "agreement": agreement,
            "seconds_fit": last["seconds_fit"],
            "n_trained": int(last["n_trained"]),
        }
        model = pool.components.finished(classifier.estimator_)
        model.window_ = project.settings["window"], project.settings["hop"]
        publishing.publish(
            project.store,
            number,
            ranking={
                "chosen": [(i, None) for i in chosen],
                "audit": [(i, None) for i in audits],
            },
            guesses=expect(classifier, pool, chosen + audits),
            record=record,
            model=publishing.save_model(project.folder, number, model),
        )

    def _open_ids(self):
        with self.project.store.read() as connection:
            found = connection.execute(select(clips.c.id).where(clips.c.open)).scalars().all()
        ids = np.sort(np.array(found, dtype=np.intp))
        return ids[self._pool.has(ids)]

    def _resume(self, names):
        """Take up the campaign of the last rounds, if it still fits.

        Returns
        -------
        int or None
            Number of a round that was trained but whose choice had not been written down, and
            now is.
        """
        history = [row for row in publishing.list_rounds(self.project.store) if row.record]
        if not history:
            return None
        number = _campaign_of(history[-1])
        batches = [row for row in history if _campaign_of(row) == number]
        first = batches[0].record
        fits = first["classes"] == names and first["pool"] == self._pool.digest
        if not fits or not (self._checkpoint(number) / "campaign.joblib").is_file():
            return None
        try:
            classifier = self._fit(number, names, dict(first["batch"]))
        except _NO_CHECKPOINT:
            return None  # made with other parameters, or by another version: begin again
        self._campaign = _Campaign(number, classifier, names, self._pool.digest)
        known = [row for row in batches if self._knows(classifier, row.record["batch"])]
        for row in known:
            self._campaign.taught.update((i, label) for i, label in row.record["batch"])
        if known and known[-1].status != "done":
            return self._finish(known[-1])
        return None

    def _knows(self, classifier, batch):
        labeled = [i for i, label in batch if label is not None]
        return bool(np.isin(self._pool.rows(labeled), classifier.labeled_indices_).all())

    def _finish(self, row):
        """Write down what came of a round that was interrupted after its training."""
        n_labels = sum(label is not None for label in self._campaign.taught.values())
        record = row.record | {"batch": [], "campaign": self._campaign.number}
        number = publishing.begin_round(
            self.project.store, n_labels, self._strategy_name(), record
        )
        self._publish(number, record)
        return number


def _campaign_of(row):
    """Return the number of the campaign that a round belongs to: that of its first round."""
    campaign = row.record["campaign"]
    return row.id if campaign is None else campaign


def _enough(names, said):
    """Tell whether there are labels enough for a first model."""
    counts = Counter(label for label in said.values() if label is not None)
    if len(counts) < 2:
        return False
    each = all(counts[name] >= _OF_EACH for name in names)
    return each or counts.total() >= _IN_ALL * len(names)
