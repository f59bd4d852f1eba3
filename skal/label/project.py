"""LabelingProject: a folder of recordings, the people who label it, and their answers."""

import time
from contextlib import ExitStack
from pathlib import Path

from skal._utils.files.saved_models import list_model_files
from skal._utils.sound.soundfiles import AudioReadError, audio_length
from skal.label.asking import answers, clips, import_export, questions, status
from skal.label.asking.classes import add_classes, mark_nothing
from skal.label.asking.found_clips import FOUND
from skal.label.asking.matching import match_labels
from skal.label.asking.values import check_id, check_person
from skal.label.class_changes import ClassChanges
from skal.label.review import Review
from skal.label.store.database import Database, database_url
from skal.label.store.lock import held, plain_os_errors
from skal.label.store.project_error import ProjectError
from skal.label.store.settings import choose_settings, fixed_differ, read_settings, write_settings
from skal.label.store.training_rounds import list_rounds

__all__ = ["LabelingProject"]


class LabelingProject(ClassChanges, Review):
    """A folder of recordings that people label, and that a model learns from.

    Every question and answer is in a database before a method returns. Several people, threads
    and processes may work on one project. `skal.label.Trainer` trains its model.

    Parameters
    ----------
    recordings : path-like
        Folder of recordings. Nothing in it changes but the project folder, if that is inside.
    classes : sequence of str, default=()
        Classes to add, but for former names; `class_notes` tells which are new and which former.
    folder : path-like, default=None
        Folder of the project. None: ``.skal`` in `recordings`. Models in it are pickled
        objects: open only folders that you trust.
    store : str, default=None
        Database of a team: ``postgresql+psycopg://user@host/name``. None: a file in `folder`.
    nothing : str, default=None
        Class for clips without any sound of interest; see `mark_nothing`. None: as before.
    estimator : classifier, default=None
        The model: a Pipeline that begins with a transformer of recordings, or a classifier of
        features. None: `skal.models.CNNClassifier` on suitable log-mel spectrograms.
    embedding : str, path-like, dict or transformer, default=None
        What makes a row of each clip: "birdnet", "NAME=WEIGHTS", a file, parameters of
        `skal.audio.PretrainedEmbedding`, or a transformer; `estimator` (None:
        `skal.models.make_embedding_classifier`) learns from them. None: as before.
    strategy : QueryStrategy, default=None
        Chooses what to ask. None: margin, with an embedding uncertainty herding.
    initial_strategy : QueryStrategy, default=None
        Chooses the first clips, without a model. None: `skal.strategies.MaxHerding`.
    n_instances : int, default=None
        New labels that start a training. None: as before; 10 in a new project.
    audit_share : float, default=None
        Share of the questions that are drawn at random to measure the accuracy. None: as
        before; 0.1 in a new project.
    shared_share : float, default=None
        Share of clips that a second person labels. None: as before; 0 in a new project.
    lease : float, default=None
        Time, in s, after which another person may be asked. None: as before; 600 at first.
    show_guess : bool, default=None
        Show predictions before answers. None: as before; no in a new project.
    window, hop : float, default=None
        Ask about windows of `window` s, `hop` s apart (None: `window`), set before the first
        answer. None: as before; whole files in a new project.
    hearing : dict, default=None
        What the default model looks at: ``sr``, ``fmin`` and ``fmax`` in Hz, ``duration`` in s.
        None: as before; in a new project what suits the recordings.
    random_state : int, default=None
        Seed of every choice and training, set before the first answer. None: as before; 0.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.label import LabelingProject
    >>> folder = TemporaryDirectory()
    >>> sounds = write_sounds(make_sounds(4, 2, random_state=0), folder.name)
    >>> with folder, LabelingProject(folder.name, ["dog", "siren"]) as project:
    ...     question = project.next("ann")
    ...     answered = project.answer(question.question_id, "ann", "label", "dog")
    ...     [row.label for row in project.labels()]
    ['dog']
    """

    def __init__(
        self,
        recordings,
        classes=(),
        *,
        folder=None,
        store=None,
        nothing=None,
        estimator=None,
        embedding=None,
        strategy=None,
        initial_strategy=None,
        n_instances=None,
        audit_share=None,
        shared_share=None,
        lease=None,
        show_guess=None,
        window=None,
        hop=None,
        hearing=None,
        random_state=None,
    ):
        self.recordings = recordings
        self.given_classes = classes
        self.given_folder = folder
        self.given_store = store
        self.given_nothing = nothing
        self.estimator = estimator
        self.embedding = embedding
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
            "hearing": hearing,
            "random_state": random_state,
        }
        self.settings = None
        self.class_notes = ()
        self._store = None

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

    @property
    def store(self):
        """Return the database, a `skal.label.store.database.Database`."""
        if self._store is None:
            raise ProjectError("no_such_project", "the project is closed: call open() first")
        return self._store

    def open(self, *, scan=True):
        """Open the project, or create it.

        Parameters
        ----------
        scan : bool, default=True
            Look for new and missing files.

        Returns
        -------
        LabelingProject
            The object itself.

        Raises
        ------
        ProjectError
            If there are no recordings, the folder cannot be written, a parameter contradicts
            the project, or another process is opening it.
        """
        if self._store is not None:
            return self
        if not self.root.is_dir():
            clips.list_sound_files(self.root)  # raises a ProjectError for a bad folder
        store = Database(database_url(self.given_store, self.folder))
        with plain_os_errors(self.folder), held(self._make_folder()), ExitStack() as unfinished:
            unfinished.callback(store.close)
            store.open()
            self._update(store, scan)
            unfinished.pop_all()
        self._store = store
        return self

    def _make_folder(self):
        if not self.folder.is_dir():
            clips.list_sound_files(self.root)  # do not create a folder for a mistyped name
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n")
        return self.folder

    def _update(self, store, scan):
        with store.read() as connection:
            found = read_settings(connection)
            answered = clips.have_answers(connection)
        settings = choose_settings(found, self.given, answered=answered)
        if fixed_differ(found, settings):
            scan = clips.forget_clips(store)
        if scan or "created" not in found:
            parts = {"window": settings["window"], "hop": settings["hop"]}
            clips.update_clips(store, self.root, **parts, seed=settings["random_state"])
        with store.write() as connection:
            write_settings(connection, settings)
            names = list(self.given_classes)
            names += [n for n in [self.given_nothing] if n is not None and n not in names]
            self.class_notes = add_classes(connection, names, "created" in found)
            if self.given_nothing is not None:
                mark_nothing(connection, self.given_nothing)
        self.settings = settings

    def close(self):
        """Close the project; everything is on disk already."""
        if self._store is not None:
            self._store.close()
        self._store = None

    def __enter__(self):
        return self.open()

    def __exit__(self, *exception):
        self.close()

    def next(self, person, exclude=()):
        """Return the next question for a person.

        A person who asks again without answering gets the same question.

        Parameters
        ----------
        person : str
            Name of the person.
        exclude : collection of int, default=()
            Numbers of clips to leave out, such as the clip on the screen while the next one is
            loaded.

        Returns
        -------
        Question or None
            None if no clip is left for this person.
        """
        person = check_person(person)
        exclude = [check_id(clip_id, "unknown_clip", "clip") for clip_id in exclude]
        while True:
            with self.store.write() as connection:
                question_id = questions.choose_question(
                    connection, self.settings, person, exclude, time.time()
                )
            if question_id is None:
                return None
            question = self._question(question_id)
            if question is not None:
                return question

    def ask(self, person, clip_ids, reason, exclude=()):
        """Ask a person about the first of some clips that is open and that no other person holds.

        Parameters
        ----------
        person : str
            Name of the person.
        clip_ids : sequence of int
            Numbers of clips, the most wanted first.
        reason : {"similar", "likely"}
            Why they are asked: they sound like another clip, or may belong to a class. It is
            stored with the answers.
        exclude : collection of int, default=()
            Numbers of clips to leave out.

        Returns
        -------
        Question or None
            None if none of them is free.
        """
        person = check_person(person)
        if reason not in FOUND:
            raise ProjectError("bad_answer", f"a reason is one of {FOUND}: {reason!r:.100}")
        exclude = [check_id(clip_id, "unknown_clip", "clip") for clip_id in exclude]
        given = person, clip_ids, reason, exclude
        while True:
            with self.store.write() as connection:
                number = questions.ask_first(connection, self.settings, *given, time.time())
            if number is None or (question := self._question(number)) is not None:
                return None if number is None else question

    def _question(self, question_id, taken_back=None):
        """Return a Question, or set an unreadable clip aside and return None."""
        with self.store.read() as connection:
            row = questions.read_question(connection, question_id)
        path = self.root / row.path
        try:
            length = audio_length(path)
        except AudioReadError as error:
            self._check_recordings()
            self.set_aside(row.clip_id, error.broken.in_short)
            return None
        return questions.as_question(row, path, length, self.settings["show_guess"], taken_back)

    def _check_recordings(self):
        # If the disk is gone, fail here instead of setting aside every clip.
        if not self.root.is_dir():
            raise ProjectError(
                "no_such_project",
                f"the folder of recordings, {str(self.root)!r}, is gone: connect its disk again. "
                "All answers are safe",
            )

    def answer(self, question_id, person, kind, label=None, seconds=None, client_key=None):
        """Answer a question. The answer is on disk when this returns.

        Parameters
        ----------
        question_id : int
            The question.
        person : str
            Name of the person.
        kind : {"label", "skip", "unsure", "bad"}
            A class; not now; cannot tell; nothing to hear.
        label : str, default=None
            The class, if the kind is "label".
        seconds : float, default=None
            Time taken, in s.
        client_key : str, default=None
            Key of this answer, at most 64 characters. Repeats with the same key are stored once.

        Returns
        -------
        AnswerReceipt

        Raises
        ------
        ProjectError
            With code "lease_lost" if the time was over and another person was asked, or the
            question already has another answer; "unknown_question", "unknown_class",
            "bad_answer" or "disk_full". Nothing is stored then.
        """
        person = check_person(person)
        question_id = check_id(question_id, "unknown_question", "question")
        given = {"seconds": seconds, "client_key": client_key, "now": time.time()}
        with self.store.write() as connection:
            return answers.add_answer(connection, question_id, person, kind, label, **given)

    def release(self, person, question_ids=None):
        """Give back clips that a person was asked about and has not answered.

        Parameters
        ----------
        person : str
            Name of the person.
        question_ids : sequence of int, default=None
            Numbers of the questions to give back. None: all.
        """
        person = check_person(person)
        with self.store.write() as connection:
            questions.release(connection, person, time.time(), question_ids)

    def clip(self, clip_id):
        """Return a clip.

        Parameters
        ----------
        clip_id : int
            Its number.

        Returns
        -------
        ClipInfo

        Raises
        ------
        ProjectError
            With code "unknown_clip" if there is none.
        """
        clip_id = check_id(clip_id, "unknown_clip", "clip")
        with self.store.read() as connection:
            return clips.read_clip(connection, clip_id, self.root)

    def set_aside(self, clip_id, reason):
        """Stop asking about an unreadable clip.

        Parameters
        ----------
        clip_id : int
            The clip.
        reason : str
            What is wrong with it.
        """
        clip_id = check_id(clip_id, "unknown_clip", "clip")
        with self.store.write() as connection:
            clips.set_aside(connection, clip_id, reason)

    def problems(self):
        """Return the clips that are set aside.

        Returns
        -------
        list of (name, reason)
            In the order of the pool.
        """
        with self.store.read() as connection:
            return clips.list_problems(connection)

    def progress(self):
        """Return the state of the project.

        Returns
        -------
        ProjectProgress
        """
        with self.store.read() as connection:
            return status.measure_progress(connection)

    def labels(self):
        """Return the current label of each answered clip, by majority.

        Returns
        -------
        list of LabelRow
            In the order of the pool, one row for each clip.
        """
        with self.store.read() as connection:
            return import_export.list_labels(connection)

    def answers(self):
        """Return every answer ever given, including those taken back.

        Returns
        -------
        list of Answer
            In the order in which they were given.
        """
        with self.store.read() as connection:
            return import_export.list_answers(connection)

    def import_labels(self, rows, *, replace=False):
        """Import labels.

        A path stands for the recording with this path, absolute or below the folder of
        recordings. A bare name also stands for the only recording of this name, with or
        without its extension. Start and end may differ by 0.01 s from those of the clip, or by
        a quarter of the hop if that is less. The label of a whole recording may have the times
        0 and its length, and that of the last window may end with the full window.

        Parameters
        ----------
        rows : iterable of ImportedLabel
            The labels.
        replace : bool, default=False
            Replace different answers to a clip; they stay on record. False: keep the answers and
            report the label as a conflict.

        Returns
        -------
        ImportReport
            Which labels were taken, and why others were not.
        """
        parts = {"window": self.settings["window"], "hop": self.settings["hop"]}
        # Match clips before the transaction: matching reads lengths, and other writers would wait.
        with self.store.read() as connection:
            matches = match_labels(connection, self.root, rows, **parts)
        with self.store.write() as connection:
            return import_export.add_labels(connection, matches, time.time(), replace=replace)

    def model_path(self, round=None):
        """Return the file of a model, which `skal.recognizer.Recognizer.load` opens.

        Parameters
        ----------
        round : int, default=None
            Its round. None: the newest one. Only the last few are kept.

        Returns
        -------
        pathlib.Path or None
            None if there is none.
        """
        done = [row.id for row in list_rounds(self.store) if row.status == "done"]
        files = list_model_files(self.folder)
        found = (files.get(i) for i in reversed(done) if round in (None, i))
        return next(filter(None, found), None)
