"""What a labeling project gives to the page, the terminal and scripts."""

from dataclasses import dataclass, field
from datetime import datetime

__all__ = [
    "Agreement",
    "Answer",
    "AnswerReceipt",
    "ClassInfo",
    "ClipInfo",
    "Estimate",
    "ImportReport",
    "ImportedLabel",
    "LabelRow",
    "Progress",
    "ProjectError",
    "Question",
    "Training",
]

KINDS = ("label", "skip", "unsure", "bad")
REASONS = ("initial", "chosen", "audit", "shared", "random")
IMPORTED = "imported"


class ProjectError(ValueError):
    """Something that a labeling project was asked to do cannot be done.

    Parameters
    ----------
    code : str
        What kind of error it is, for programs: "unknown_clip", "unknown_class",
        "unknown_question", "lease_lost" (somebody else has the clip or has answered),
        "bad_answer", "bad_class", "bad_settings", "no_such_project", "locked" (another process
        holds it), "disk_full", "read_only", "store" (the data base cannot be reached, or is
        broken).
    message : str
        What was wrong, where, and what to do, for people.
    """

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return self.message


@dataclass(frozen=True)
class Question:
    """A clip that one person is asked about.

    Attributes
    ----------
    asked_id : int
        Names the question when it is answered.
    clip_id : int
        Number of the clip: its position in the pool.
    path : str
        The file, absolute.
    name : str
        The file below the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    duration : float or None
        Length in s; None where the file cannot be read.
    round : int or None
        Round whose model chose the clip; None before there was a model.
    reason : {"initial", "chosen", "audit", "shared", "random"}
        Why the clip is asked: typical of the recordings, chosen by the model, drawn at random
        for the estimate, labeled by somebody else already, or drawn at random because the model
        is not ready.
    why : str
        The same as a sentence for people.
    guess : str or None
        Class that the model expects; None where there is no guess, or it is hidden until the
        answer.
    guess_probability : float or None
        Its probability.
    """

    asked_id: int
    clip_id: int
    path: str
    name: str
    start: float | None
    end: float | None
    duration: float | None
    round: int | None
    reason: str
    why: str
    guess: str | None = None
    guess_probability: float | None = None


@dataclass(frozen=True)
class AnswerReceipt:
    """Says that an answer is on disk.

    Attributes
    ----------
    answer_id : int
        Number of the answer.
    duplicate : bool
        Whether the same answer had arrived before; nothing was added then.
    guess : str or None
        What the model had expected, now that the answer is there.
    guess_probability : float or None
        Its probability.
    """

    answer_id: int
    duplicate: bool = False
    guess: str | None = None
    guess_probability: float | None = None


@dataclass(frozen=True)
class ClassInfo:
    """A class that clips can be given.

    Attributes
    ----------
    id : int
        Its number.
    name : str
        Its name.
    key : str or None
        The key that gives it: one digit or lower-case letter.
    """

    id: int
    name: str
    key: str | None


@dataclass(frozen=True)
class ClipInfo:
    """A clip of a project.

    Attributes
    ----------
    id : int
        Its number.
    path : str
        The file, absolute.
    name : str
        The file below the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    problem : str or None
        Why it is set aside; None for a clip that can be asked.
    """

    id: int
    path: str
    name: str
    start: float | None
    end: float | None
    problem: str | None = None


@dataclass(frozen=True)
class LabelRow:
    """What people say about a clip.

    Attributes
    ----------
    clip_id : int
        Number of the clip.
    path : str
        The file below the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    label : str or None
        The class; None where the clip got none.
    kind : {"label", "skip", "unsure", "bad"}
        What was answered.
    person : str
        Who answered; the first of them where several agree.
    at : datetime
        When, in UTC.
    round : int or None
        Round whose model had chosen the clip.
    why : str
        Why it was asked: a reason as in `Question`, "imported" or "relabeled".
    n_people : int
        How many people gave an answer.
    n_agree : int
        How many of them gave this one.
    """

    clip_id: int
    path: str
    start: float | None
    end: float | None
    label: str | None
    kind: str
    person: str
    at: datetime
    round: int | None
    why: str
    n_people: int = 1
    n_agree: int = 1


@dataclass(frozen=True)
class Answer:
    """One row of the record of answers, to which rows are only ever added.

    Attributes
    ----------
    id : int
        Number of the answer; later ones have larger numbers.
    clip_id : int
        Number of the clip.
    path : str
        The file below the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    person : str
        Who answered.
    kind : {"label", "skip", "unsure", "bad", "undo"}
        What was answered.
    label : str or None
        The class, if the kind is "label".
    seconds : float or None
        Time taken, in s.
    at : datetime
        When, in UTC.
    round : int or None
        Round whose model had chosen the clip.
    why : str
        Why it was asked.
    asked_id : int or None
        The question; None for imported and changed labels.
    undoes : int or None
        The answer taken back, if the kind is "undo".
    """

    id: int
    clip_id: int
    path: str
    start: float | None
    end: float | None
    person: str
    kind: str
    label: str | None
    seconds: float | None
    at: datetime
    round: int | None
    why: str
    asked_id: int | None
    undoes: int | None


@dataclass(frozen=True)
class ImportedLabel:
    """A label from a file of another program.

    Attributes
    ----------
    path : str
        The file: absolute, below the folder of recordings, or its bare name.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    label : str
        The class.
    """

    path: str
    start: float | None
    end: float | None
    label: str


@dataclass(frozen=True)
class ImportReport:
    """What became of imported labels.

    Attributes
    ----------
    n_added : int
        Labels that are in the project now and were not before.
    unknown_files : tuple of str
        Files or windows that are no clips of the project.
    unknown_classes : tuple of str
        Classes that the project does not have; add them and import again.
    conflicts : tuple of (path, label here, label there)
        Clips that have another label already; it was kept.
    """

    n_added: int
    unknown_files: tuple = ()
    unknown_classes: tuple = ()
    conflicts: tuple = ()


@dataclass(frozen=True)
class Estimate:
    """Accuracy of the model, from clips drawn at random.

    Attributes
    ----------
    accuracy : float
        Share of guesses that people confirmed.
    low, high : float
        Interval at 95 % confidence.
    n : int
        Clips that it rests on.
    """

    accuracy: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Agreement:
    """How far people agree on the clips that several of them labeled.

    Attributes
    ----------
    n_clips : int
        Clips with labels of two people or more.
    n_people : int
        People who labeled any of them.
    share : float
        Share of these clips on which the first two labels are the same.
    cohen : float or None
        Cohen's kappa; None unless there are exactly two people, or where it is not defined.
    fleiss : float or None
        Fleiss' kappa, of the first two labels of each clip; None where it is not defined.
    """

    n_clips: int
    n_people: int
    share: float
    cohen: float | None
    fleiss: float | None


@dataclass(frozen=True)
class Training:
    """What the model is doing.

    Attributes
    ----------
    status : {"waiting", "idle", "training", "failed"}
        "waiting": too few labels for a first model; "idle": the model knows all labels that
        it wants to know.
    round : int or None
        Round in work or, else, of the newest model.
    message : str or None
        What went wrong last, or what is waited for.
    """

    status: str
    round: int | None = None
    message: str | None = None


@dataclass(frozen=True)
class Progress:
    """Where a project stands.

    Attributes
    ----------
    n_clips : int
        Clips that can be asked, those labeled included.
    n_labeled : int
        Clips with a label.
    per_class : dict of str to int
        Labels of each class, in the order of the classes.
    n_skipped, n_unsure, n_bad : int
        Clips that got these answers and no label.
    n_problems : int
        Clips that cannot be read, and are not asked.
    curve : tuple of (n_labels, accuracy, low, high)
        The estimate after each round whose model was audited.
    estimate : Estimate or None
        Accuracy of the last models; None until an audited clip was answered.
    labels_saved : int or None
        Unlabeled clips that the model is expected to get right: those need no listener.
    minutes_listened : float
        Time that people took, in minutes.
    seconds_left_at_this_pace : float or None
        Time to label all that is left, in s.
    advice : str or None
        Says so when more labels no longer pay; only if that was measured.
    training : Training
        What the model is doing.
    agreement : Agreement or None
        None where no clip has labels of two people.
    """

    n_clips: int
    n_labeled: int
    per_class: dict
    n_skipped: int
    n_unsure: int
    n_bad: int
    n_problems: int
    curve: tuple
    estimate: Estimate | None
    labels_saved: int | None
    minutes_listened: float
    seconds_left_at_this_pace: float | None
    advice: str | None
    training: Training = field(default_factory=lambda: Training("waiting"))
    agreement: Agreement | None = None
