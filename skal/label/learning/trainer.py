"""Trainer: train on the labels of a project and choose the next questions."""

import contextlib
from collections import Counter

import numpy as np

from skal._utils.files.atomic import FolderHeldError, hold_folder, remove_leftovers
from skal.label.asking.classes import list_classes
from skal.label.asking.clips import open_clips
from skal.label.asking.votes import list_verdicts
from skal.label.learning.campaign import Campaign, fit_classifier, resume, save_model
from skal.label.learning.choices import agreement_with_last, draw_audits, expect, rank
from skal.label.learning.find_more import save_scores
from skal.label.learning.pool import read_pool
from skal.label.store import training_rounds
from skal.label.store.project_error import ProjectError
from skal.recognizer import Recognizer

__all__ = ["Trainer"]

# The first model needs _OF_EACH labels of each class, or _PER_CLASS per class on average.
_OF_EACH, _PER_CLASS = 2, 3


class Trainer:
    """Trains the model of a project in this process, round by round.

    Parameters
    ----------
    project : LabelingProject
        Open.
    on_features : callable, default=None
        Called as ``on_features(n_done, n_clips, n_failed)`` while features are computed.

    See Also
    --------
    LabelingProject : The project, and what its parameters say about the model.

    Examples
    --------
    The names of the folders answer instead of a person:

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skal.audio import MFCC
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.label import LabelingProject, Trainer
    >>> folder = TemporaryDirectory()
    >>> sounds = write_sounds(make_sounds(20, 2, random_state=0), folder.name)
    >>> model = make_pipeline(MFCC(sr=8000, flatten=True), LogisticRegression(max_iter=500))
    >>> with folder, LabelingProject(folder.name, sounds.target_names, estimator=model) as project:
    ...     for _ in range(8):
    ...         question = project.next("ann")
    ...         label = Path(question.path).parent.name
    ...         answered = project.answer(question.question_id, "ann", "label", label)
    ...     number = Trainer(project).train()
    ...     question = project.next("ann")
    >>> number, question.round  # the model of round 0 chose this question
    (0, 0)
    """

    def __init__(self, project, on_features=None):
        self.project = project
        self.on_features = on_features
        self._pool = None
        self._campaign = None
        self._is_new = True

    def train(self):
        """Train a round on all labels and choose the next questions.

        Returns
        -------
        int or None
            Number of the round; None if there are too few labels for a model, or no new ones.

        Raises
        ------
        ProjectError
            With code "locked" if another process is training.
        """
        with self.hold():
            return self.step(at_least=1)

    @contextlib.contextmanager
    def hold(self):
        """Keep other processes from training this project.

        Yields
        ------
        None

        Raises
        ------
        ProjectError
            With code "locked" if another process is training.
        """
        _ = self.project.store  # a closed project raises, before a folder is made
        folder = self.project.folder / "models"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with hold_folder(folder):
                remove_leftovers(folder)
                yield
        except FolderHeldError as error:
            raise ProjectError("locked", f"another process is training: {error}") from error

    def step(self, at_least):
        """Train a round if there are enough new labels; call it inside `hold`.

        Parameters
        ----------
        at_least : int
            Number of new labels that start a round.

        Returns
        -------
        int or None
            Number of the round; None if nothing was trained.
        """
        if self._is_new:
            training_rounds.end_interrupted(
                self.project.store, "the training process was interrupted"
            )
            self._is_new = False
        self._pool = read_pool(self.project, self._pool, self.on_features)
        names, labels = self._labels()
        if self._campaign is None and (finished := self._resume(names)) is not None:
            return finished
        new = labels if self._campaign is None else self._campaign.news(labels)
        if not (_enough(names, labels) or self._is_all_there_is(labels)):
            if self._campaign is None:
                self._choose_first(names)
            return None
        if self._campaign is not None and not self._is_due(new, names, labels, at_least):
            return None
        begin = self._campaign is None or not self._campaign.can_continue(
            self._pool, names, labels
        )
        return self._round(names, labels if begin else new, begin)

    def _labels(self):
        """Return the classes, and the verdicts on pool clips in the order of answers."""
        with self.project.store.read() as connection:
            names = [info.name for info in list_classes(connection)]
            found = list_verdicts(connection)
        known = self._pool.has([clip_id for clip_id, _ in found])
        kept = (tuple(row) for row, is_here in zip(found, known, strict=True) if is_here)
        return sorted(names), dict(kept)

    def _is_due(self, new, names, labels, at_least):
        if not set(self._campaign.classes) <= set(names):
            return True  # the model predicts a class that was renamed, merged, or retired
        gone = [i for i in self._campaign.taught if i not in labels]
        if not any(new.values()) and not gone:
            return False
        return len(new) + len(gone) >= at_least or not self._open_ids()

    def _is_all_there_is(self, labels):
        """Return whether a few clips are all labeled: more labels will not come."""
        return len(set(labels.values()) - {None}) > 1 and not self._open_ids()

    def _open_ids(self):
        with self.project.store.read() as connection:
            return open_clips(connection)

    def _choose_first(self, names):
        """Choose clips without a model, and more when those are nearly used up."""
        if self._pool.components.initial_strategy is None or len(names) < 2:
            return
        n_instances, ids = self.project.settings["n_instances"], self._pool.ids
        is_open = np.isin(ids, self._open_ids())
        n_waiting = np.isin(ids[is_open], training_rounds.chosen_clips(self.project.store)).sum()
        if n_waiting >= n_instances or n_waiting == is_open.sum():
            return
        classifier = fit_classifier(self.project, self._pool, None, names, {})
        rows = rank(classifier, n_instances, n_more=len(ids) - is_open.sum())
        ranking = {"initial": ids[rows][is_open[rows]].tolist()}
        training_rounds.publish(self.project.store, None, ranking=ranking, guesses=[])

    def _round(self, names, batch, begin):
        """Train, choose, and store the results."""
        store = self.project.store
        known = {} if begin else self._campaign.taught
        record = {"batch": list(batch.items()), "pool": self._pool.digest, "classes": names}
        record["campaign"] = None if begin else self._campaign.number
        number = training_rounds.begin_round(store, _count_labels(known | batch), record)

        def _record_failure(_, error, traceback):
            if error is not None:
                self._campaign = None  # may be half taught; resume from its checkpoint
                training_rounds.fail_round(store, number, f"{type(error).__name__}: {error}")

        with contextlib.ExitStack() as ending:
            ending.push(_record_failure)
            if begin:
                self._campaign = None  # free its memory before the next training
                self._campaign = Campaign.begin(self.project, self._pool, number, names, batch)
            else:
                self._campaign.teach(self._pool, batch)
            self._publish(number, record)
        return number

    def _publish(self, number, record):
        """Save the model, and store its choices and predictions."""
        project, pool, campaign = self.project, self._pool, self._campaign
        n_instances, seed = (project.settings[name] for name in ("n_instances", "random_state"))
        classifier = campaign.classifier
        chosen = pool.ids[rank(classifier, n_instances)].tolist()
        audits = []
        if project.settings["audit_share"] > 0:
            ids = np.array(self._open_ids(), dtype=np.intp)
            audits = draw_audits(ids[pool.has(ids)], n_instances, seed, number).tolist()
        campaign.guesses, agreement = agreement_with_last(classifier, pool, seed, campaign.guesses)
        last = classifier.history_[-1]
        record = record | {
            "agreement": agreement,
            "seconds_fit": last["seconds_fit"],
            "n_trained": int(last["n_trained"]),
        }
        about = {name: project.settings[name] for name in ("window", "hop")}
        about["nothing"] = project.nothing
        model = Recognizer.join(pool.components.transformer, classifier.estimator_, **about)
        save_model(project.folder, number, model)
        training_rounds.publish(
            project.store,
            number,
            ranking={"chosen": chosen, "audit": audits},
            guesses=expect(classifier, pool, [*chosen, *audits, *campaign.taught]),
            record=record,
        )
        # Save scores last: predicting all clips takes time, and people wait for the questions.
        proba = classifier.predict_proba(pool.X)
        save_scores(project.folder, number, pool.ids, classifier.classes_.tolist(), proba)

    def _resume(self, names):
        """Resume the last campaign; return a round that was trained but not published, or None."""
        history = training_rounds.list_rounds(self.project.store)
        self._campaign, last = resume(self.project, self._pool, names, history)
        if last is None or last.status == "done":
            return None
        record = last.record | {"batch": [], "campaign": self._campaign.number}
        n_labels = _count_labels(self._campaign.taught)
        number = training_rounds.begin_round(self.project.store, n_labels, record)
        self._publish(number, record)
        return number


def _count_labels(labels):
    return sum(label is not None for label in labels.values())


def _enough(names, labels):
    """Return whether there are enough labels for a first model."""
    counts = Counter(label for label in labels.values() if label is not None)
    if len(counts) < 2:
        return False
    each = all(counts[name] >= _OF_EACH for name in names)
    return each or counts.total() >= _PER_CLASS * len(names)
