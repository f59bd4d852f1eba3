"""LabelingProject: a folder of recordings, the people who label it, and what they have said."""

import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import bindparam, select, update

from skal._soundfiles import AudioReadError, audio_length
from skal.label.asking import answers as answering
from skal.label.asking import labels
from skal.label.asking import questions as queue
from skal.label.asking.checks import check_id, check_text
from skal.label.asking.classes import add_class
from skal.label.asking.clips import bring_up_to_date, find_clips
from skal.label.asking.records import IMPORTED, ProjectError, Question
from skal.label.reading import ReadingMixin
from skal.label.store.database import ProjectStore
from skal.label.store.lock import held, plain_os_errors
from skal.label.store.settings import choose_settings, read_settings, write_settings
from skal.label.store.tables import asked, classes, clips

__all__ = ["LabelingProject"]

_QUESTION = (
    select(asked, classes.c.name, clips.c.path, clips.c.start, clips.c.end)
    .join(clips, clips.c.id == asked.c.clip_id)
    .outerjoin(classes, classes.c.id == asked.c.guess)
    .where(asked.c.id == bindparam("question"))
)


class LabelingProject(ReadingMixin):
    """A folder of recordings that people label, and a model that learns from them.

    Whatever is asked and answered is in a data base in the project's folder before a method
    returns; several people, threads and processes may work on one project. Only `train` and
    `skal.label.TrainingWorker` ever train.

    Parameters
    ----------
    recordings : path-like
        The folder of recordings; nothing in it is changed, unless the project lies in it.
    classes : sequence of str, default=()
        Classes; they are added to those that the project has already.
    folder : path-like, default=None
        Folder of the project. None: ``.skal`` in `recordings`. Open no project folder of people
        that you do not trust: models are pickled objects.
    store : str, default=None
        Address of a data base for a team, such as ``postgresql+psycopg://user@host/name``.
        None: a file in `folder`.
    estimator : classifier, default=None
        What learns: a Pipeline that begins with `skal.audio.LogMelSpectrogram` or
        `skal.audio.MFCC`, or a classifier of their features. None: `skal.models.CNNClassifier`
        on log-mel spectrograms that suit the recordings.
    strategy : QueryStrategy, default=None
        Chooses what is asked. None: `skal.strategies.MarginSampling`.
    initial_strategy : QueryStrategy, default=None
        Chooses the first clips, without a model. None: `skal.strategies.TypiClust`, or at random
        where there are more than 20,000 clips.
    n_instances : int, default=None
        New labels after which the model is trained again. None: as before; 10 in a new project.
    audit_share : float, default=None
        Share of the questions that are drawn at random to measure the accuracy. None: as
        before; 0.1 in a new project.
    shared_share : float, default=None
        Share of the labeled clips that a second person is asked about. None: as before; 0 in a
        new project.
    lease : float, default=None
        Time for an answer, in s, before somebody else is asked. None: as before; 600 in a new
        project.
    show_guess : bool, default=None
        Show the model's guess before the answer. None: as before; no in a new project.
    window, hop : float, default=None
        Ask about windows of this many seconds whose starts are `hop` apart (None: `window`).
        Given once, when the project is made. None: as before; whole files in a new project.
    random_state : int, default=None
        Seeds every choice and every training. None: as before; 0 in a new project.

    Examples
    --------
    >>> from skal.label import LabelingProject
    >>> project = LabelingProject("recordings", ["dog", "siren"])  # doctest: +SKIP
    >>> with project:  # doctest: +SKIP
    ...     question = project.next("ann")
    ...     project.answer(question.asked_id, "ann", "label", "dog")
    """

    def __init__(
        self,
        recordings,
        classes=(),
        *,
        folder=None,
        store=None,
        estimator=None,
        strategy=None,
        initial_strategy=None,
        n_instances=None,
        audit_share=None,
        shared_share=None,
        lease=None,
        show_guess=None,
        window=None,
        hop=None,
        random_state=None,
    ):
        self.recordings = recordings
        self.given_classes = classes
        self.given_folder = folder
        self.given_store = store
        self.estimator = estimator
        self.strategy = strategy
        self.initial_strategy = initial_strategy
        self.given = {
            "n_instances": n_instances,
            "audit_share": audit_share,
            "shared_share": shared_share,
            "lease": lease,
            "show_guess": show_guess,
            "window": window,
            "hop": hop,
            "random_state": random_state,
        }
        self.settings = None
        self.store = None
        self._trainer = None

    @property
    def root(self):
        """Return the folder of recordings, a pathlib.Path."""
        return Path(self.recordings).absolute()

    @property
    def folder(self):
        """Return the folder of the project, a pathlib.Path."""
        return self.root / ".skal" if self.given_folder is None else Path(self.given_folder)

    @property
    def name(self):
        """Return the name of the folder of recordings."""
        return self.root.name

    def open(self, *, scan=True):
        """Open the project, or make it.

        Parameters
        ----------
        scan : bool, default=True
            Look for files that came or went since the last time.

        Returns
        -------
        LabelingProject
            The object itself.

        Raises
        ------
        ProjectError
            If there are no recordings, the folder cannot be written, a parameter does not go
            with what the project was made with, or another process is opening it.
        """
        if self.store is not None:
            return self
        if not self.root.is_dir():
            find_clips(self.root)  # says what is wrong
        store = ProjectStore(self.given_store or self.folder / "project.sqlite")
        with plain_os_errors(self.folder), held(self._make_folder()), ExitStack() as unfinished:
            unfinished.callback(store.close)
            store.open()
            self._bring_up_to_date(store, scan)
            unfinished.pop_all()
        self.store = store
        return self

    def _make_folder(self):
        if not self.folder.is_dir():
            find_clips(self.root)  # no folder is made beside a mistyped name
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def _bring_up_to_date(self, store, scan):
        with store.read() as connection:
            found = read_settings(connection)
        settings = choose_settings(found, self.given)
        if scan or "created" not in found:
            parts = {"window": settings["window"], "hop": settings["hop"]}
            bring_up_to_date(store, self.root, **parts, seed=settings["random_state"])
        with store.write() as connection:
            write_settings(connection, settings | {"recordings": str(self.root)})
            for name in self.given_classes:
                add_class(connection, name, None, time.time())
        self.settings = settings

    def close(self):
        """Close the project; everything in it is on disk already."""
        if self.store is not None:
            self.store.close()
        self.store = self._trainer = None

    def __enter__(self):
        return self.open()

    def __exit__(self, *exception):
        self.close()

    @property
    def rules(self):
        """Return how the project asks, a `skal.label.asking.questions.Rules`."""
        self._opened()
        names = "audit_share", "shared_share", "lease"
        chosen = {name: self.settings[name] for name in names}
        return queue.Rules(seed=self.settings["random_state"], **chosen)

    def next(self, person, exclude=()):
        """Ask a person about a clip.

        Somebody who asks again without having answered is asked the same.

        Parameters
        ----------
        person : str
            Who.
        exclude : collection of int, default=()
            Numbers of clips that are not wanted, such as the one on the screen while the next
            one is loaded.

        Returns
        -------
        Question or None
            None if nothing is left for this person.
        """
        person = _check_person(person)
        exclude = [check_id(clip_id, "unknown_clip", "clip") for clip_id in exclude]
        while True:
            with self._opened().write() as connection:
                asked_id = queue.choose_question(
                    connection, self.rules, person, exclude, time.time()
                )
            if asked_id is None:
                return None
            question = self._question(asked_id)
            if question is not None:
                return question

    def _question(self, asked_id):
        """Describe a question; set its clip aside, and return None, if it cannot be read."""
        with self._opened().read() as connection:
            row = connection.execute(_QUESTION, {"question": asked_id}).one()
        path = self.root / row.path
        try:
            length = audio_length(path)
        except AudioReadError as error:
            self._recordings_are_there()
            self.set_aside(row.clip_id, f"{error.reason}; {error.advice}")
            return None
        shown = self.settings["show_guess"]
        end = length if row.end is None else min(row.end, length)
        return Question(
            asked_id=asked_id,
            clip_id=row.clip_id,
            path=str(path),
            name=row.path,
            start=row.start,
            end=row.end,
            duration=max(0.0, end - (row.start or 0.0)),
            round=row.round,
            reason=row.reason,
            why=queue.why(row.reason),
            guess=row.name if shown else None,
            guess_probability=row.guess_probability if shown else None,
        )

    def _recordings_are_there(self):
        """Refuse to set one clip after another aside when the whole disk is gone."""
        if not self.root.is_dir():
            raise ProjectError(
                "no_such_project",
                f"the folder of recordings, {str(self.root)!r}, is no longer there: connect its "
                "disk again. All answers are safe",
            )

    def answer(self, asked_id, person, kind, label=None, seconds=None, client_key=None):
        """Answer a question; the answer is on disk when this returns.

        Parameters
        ----------
        asked_id : int
            The question.
        person : str
            Who answers.
        kind : {"label", "skip", "unsure", "bad"}
            A class; not now; nobody can tell; nothing to be heard.
        label : str, default=None
            The class, if the kind is "label".
        seconds : float, default=None
            Time taken, in s.
        client_key : str, default=None
            Of this answer, at most 64 characters: sent again with the same key, it is written
            once.

        Returns
        -------
        AnswerReceipt

        Raises
        ------
        ProjectError
            With code "lease_lost" if the time was over and somebody else has been asked, or the
            question has another answer already; "unknown_question", "unknown_class",
            "bad_answer" or "disk_full". Nothing was written then.
        """
        person = _check_person(person)
        asked_id = check_id(asked_id, "unknown_question", "question")
        given = {"seconds": seconds, "client_key": client_key, "now": time.time()}
        with self._opened().write() as connection:
            return answering.add_answer(connection, asked_id, person, kind, label, **given)

    def undo(self, person):
        """Take the last answer of a person back.

        Parameters
        ----------
        person : str
            Who.

        Returns
        -------
        Question or None
            About the clip of that answer; None if there is nothing to take back, or the clip
            can no longer be read.
        """
        person = _check_person(person)
        with self._opened().write() as connection:
            lease = self.settings["lease"]
            asked_id = answering.take_back(connection, person, time.time(), lease)
        return None if asked_id is None else self._question(asked_id)

    def relabel(self, clip_id, person, kind, label=None):
        """Say something else about a clip than before, or for the first time.

        Parameters
        ----------
        clip_id : int
            The clip.
        person, kind, label : str
            As in `answer`.

        Returns
        -------
        AnswerReceipt
        """
        person = _check_person(person)
        clip_id = check_id(clip_id, "unknown_clip", "clip")
        with self._opened().write() as connection:
            return answering.change_label(connection, clip_id, person, kind, label, time.time())

    def release(self, person, asked_ids=None):
        """Give back the clips that a person was asked about and has not answered.

        Parameters
        ----------
        person : str
            Who.
        asked_ids : sequence of int, default=None
            Numbers of the questions to give back; all with None.
        """
        person = _check_person(person)
        with self._opened().write() as connection:
            queue.release(connection, person, time.time(), asked_ids)

    def add_class(self, name, key=None):
        """Add a class.

        Parameters
        ----------
        name : str
            Its name.
        key : str, default=None
            The key that gives it. None: a free one.

        Returns
        -------
        ClassInfo
            The class of that name if there is one already.

        Raises
        ------
        ProjectError
            With code "bad_class" if the name cannot be shown, or the key is taken.
        """
        with self._opened().write() as connection:
            return add_class(connection, name, key, time.time())

    def set_aside(self, clip_id, reason):
        """Ask no longer about a clip that cannot be read.

        Parameters
        ----------
        clip_id : int
            The clip.
        reason : str
            What is wrong with it.
        """
        clip_id = check_id(clip_id, "unknown_clip", "clip")
        with self._opened().write() as connection:
            found = update(clips).where(clips.c.id == clip_id)
            connection.execute(found.values(problem=str(reason)[:500], open=False))

    def import_labels(self, rows):
        """Take in labels from elsewhere; what people said here stays as it is.

        Parameters
        ----------
        rows : iterable of ImportedLabel
            The labels.

        Returns
        -------
        ImportReport
        """
        with self._opened().write() as connection:
            return labels.add_labels(connection, self.root, rows, time.time())

    def train(self):
        """Train a round on all labels, in this process, and choose what to ask next.

        Returns
        -------
        int or None
            Number of the round; None if there are too few labels for a model, or no new ones.

        Raises
        ------
        ProjectError
            With code "locked" if another process is training.
        """
        from skal.label.learning.trainer import Trainer

        self._opened()
        if self._trainer is None:
            self._trainer = Trainer(self)
        with self._trainer.hold():
            return self._trainer.step(at_least=1)

    def _opened(self):
        if self.store is None:
            raise ProjectError("no_such_project", "the project is closed: call open() first")
        return self.store


def _check_person(person):
    person = check_text(person, "the name of a person", longest=100)
    if person == IMPORTED:
        raise ProjectError(
            "bad_answer", f"{IMPORTED!r} is nobody's name: it marks imported labels"
        )
    return person
