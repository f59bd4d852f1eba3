"""What a labeling project returns to the page, the terminal and scripts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

__all__ = [
    "Agreement",
    "Answer",
    "AnswerReceipt",
    "ClassInfo",
    "ClipInfo",
    "Estimate",
    "FormerClass",
    "ImportReport",
    "ImportedLabel",
    "LabelRow",
    "NotTaken",
    "ProjectProgress",
    "Question",
    "TrainingStatus",
]

# Stands for the person and the reason of an imported label.
IMPORTED = "imported"


@dataclass(frozen=True)
class Question:
    """A clip that one person is asked about.

    Attributes
    ----------
    question_id : int
        Identifies the question in the answer.
    clip_id : int
        Position of the clip in the pool.
    path : str
        The file, absolute.
    name : str
        The file, relative to the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    duration : float or None
        Length in s.
    round : int or None
        Round whose model chose the clip; None before the first model.
    reason : {"initial", "chosen", "audit", "shared", "random", "similar", "likely"}
        Why the clip was asked: typical of the recordings, chosen by the model, drawn at random
        for the estimate, labeled by another person, drawn at random because the model is not
        ready, or found in a search for clips like another or of a class.
    explanation : str
        The reason as a sentence for people.
    guess : str or None
        Class that the model predicts; None without a prediction, or if it is hidden until the
        answer.
    guess_probability : float or None
        Probability of that class.
    taken_back : str or None
        The answer that was taken back, if the question is asked again after an undo: the class,
        or the kind of the answer.
    """

    question_id: int
    clip_id: int
    path: str
    name: str
    start: float | None
    end: float | None
    duration: float | None
    round: int | None
    reason: str
    explanation: str
    guess: str | None = None
    guess_probability: float | None = None
    taken_back: str | None = None


@dataclass(frozen=True)
class AnswerReceipt:
    """Confirms that an answer is on disk.

    Attributes
    ----------
    answer_id : int
        Number of the answer.
    duplicate : bool
        Whether the same answer had arrived before, so that nothing was added.
    guess : str or None
        Class that the model predicted.
    guess_probability : float or None
        Probability of that class.
    """

    answer_id: int
    duplicate: bool = False
    guess: str | None = None
    guess_probability: float | None = None


@dataclass(frozen=True)
class ClassInfo:
    """A class of the project.

    Attributes
    ----------
    id : int
        Its number.
    name : str
        Its name.
    key : str or None
        The key that gives this class: one digit or lower-case letter.
    """

    id: int
    name: str
    key: str | None


@dataclass(frozen=True)
class FormerClass:
    """A name that is no class anymore.

    Attributes
    ----------
    name : str
        The name.
    became : str or None
        The class that it was renamed to or merged into; None if it was retired.
    """

    name: str
    became: str | None

    def __str__(self):
        if self.became is None:
            return f"the class {self.name!r} was retired"
        return f"the class {self.name!r} is now {self.became!r}"


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
        The file, relative to the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    problem : str or None
        Why the clip is set aside; None for a usable clip.
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
        The file, relative to the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    label : str or None
        The class, if the kind is "label".
    kind : str
        Kind of the answer: a key of `skal.label.asking.kinds.KINDS`.
    person : str
        Who answered; of several people who agree, the first.
    at : datetime
        When, in UTC.
    round : int or None
        Round whose model chose the clip.
    reason : str
        Why the clip was asked: a reason as in `Question`, "imported" or "relabeled".
    n_people : int
        Number of people who answered.
    n_agree : int
        Number of people who gave this answer.
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
    reason: str
    n_people: int = 1
    n_agree: int = 1


@dataclass(frozen=True)
class Answer:
    """An answer as it was given; answers are never changed or deleted.

    Attributes
    ----------
    id : int
        Number of the answer; later answers have larger numbers.
    clip_id : int
        Number of the clip.
    path : str
        The file, relative to the folder of recordings.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    person : str
        Who answered.
    kind : str
        Kind of the answer: a key of `skal.label.asking.kinds.KINDS`, or "undo".
    label : str or None
        The class, if the kind is "label", by its present name.
    seconds : float or None
        Time taken, in s.
    at : datetime
        When, in UTC.
    round : int or None
        Round whose model chose the clip.
    reason : str
        Why the clip was asked.
    question_id : int or None
        The question; None for imported and changed labels.
    undoes : int or None
        The answer taken back, if the kind is "undo", or else the answer of another person that
        this one corrects.
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
    reason: str
    question_id: int | None
    undoes: int | None


@dataclass(frozen=True)
class ImportedLabel:
    """A label from a file of another program.

    Attributes
    ----------
    path : str
        The file: absolute, relative to the folder of recordings, or a bare name.
    start, end : float or None
        The part of the file, in s; None for the whole of it.
    label : str
        The class.
    file, row : str
        Where the label is from.
    """

    path: str
    start: float | None
    end: float | None
    label: str
    file: str = field(default="", compare=False)
    row: str = field(default="", compare=False)


class NotTaken(NamedTuple):
    """A label that an import did not take.

    Parameters
    ----------
    file, row : str
        Where the label is from.
    clip : str
        The recording, as the file has it, and its part.
    reason : str
        Why it was not taken.
    """

    file: str
    row: str
    clip: str
    reason: str

    def __str__(self):
        return ": ".join(filter(None, [", ".join(filter(None, self[:2])), *self[2:]]))


@dataclass(frozen=True)
class ImportReport:
    """The result of an import of labels.

    Attributes
    ----------
    n_added : int
        Labels that the import added.
    unknown_files : tuple of str
        Files or windows that are not clips of the project.
    unknown_classes : tuple of str
        Classes that the project lacks; add them and import again.
    conflicts : tuple of (path, label here, label there)
        Clips that have another label in the project, which was kept.
    not_taken : tuple of NotTaken
        Every label that was not taken, with its file, its row and the reason.
    by_name : tuple of (name, path)
        Bare names, and the recordings that they stand for: no other has this name.
    n_known : int
        Labels that the project has already.
    n_replaced : int
        Of the labels added, those that replace answers.
    """

    n_added: int
    unknown_files: tuple = ()
    unknown_classes: tuple = ()
    conflicts: tuple = ()
    not_taken: tuple = ()
    by_name: tuple = ()
    n_known: int = 0
    n_replaced: int = 0


@dataclass(frozen=True)
class Estimate:
    """Accuracy of the model, from clips drawn at random.

    Attributes
    ----------
    accuracy : float
        Share of predictions that people confirmed.
    low, high : float
        Limits of the 95 % confidence interval.
    n : int
        Number of clips behind the estimate.
    """

    accuracy: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Agreement:
    """Agreement between people on clips that several people labeled.

    Attributes
    ----------
    n_clips : int
        Number of clips that at least two people labeled.
    n_people : int
        Number of people who labeled these clips.
    share : float
        Share of these clips whose first two labels agree.
    cohen : float or None
        Cohen's kappa; None if undefined, or unless there are exactly two people.
    fleiss : float or None
        Fleiss' kappa of the first two labels of each clip; None if undefined.
    """

    n_clips: int
    n_people: int
    share: float
    cohen: float | None
    fleiss: float | None


@dataclass(frozen=True)
class TrainingStatus:
    """The state of the training.

    Attributes
    ----------
    status : {"waiting", "idle", "training", "failed"}
        "waiting": too few labels for a first model; "idle": too few new labels for another
        round.
    round : int or None
        The current round, or else that of the newest model.
    message : str or None
        What went wrong last, or what the training waits for.
    """

    status: str
    round: int | None = None
    message: str | None = None


@dataclass(frozen=True)
class ProjectProgress:
    """The state of a project.

    Attributes
    ----------
    n_clips : int
        Number of usable clips, including labeled ones.
    n_labeled : int
        Number of clips with a label.
    per_class : dict of str to int
        Number of labels of each class, in the order of the classes.
    per_kind : dict of str to int
        Number of clips for each kind of answer in `skal.label.asking.kinds.KINDS`.
    n_problems : int
        Number of unreadable clips, which are not asked.
    curve : tuple of (n_labels, accuracy, low, high)
        The estimate after each round with audited predictions.
    estimate : Estimate or None
        Accuracy of the last models; None before the first audited answer.
    labels_saved : int or None
        Number of clips without an answer that the model is expected to predict correctly.
    minutes_listened : float
        Time that people took for their answers, in minutes.
    seconds_left_at_this_pace : float or None
        Time to label all remaining clips, in s.
    advice : str or None
        Says when more labels no longer pay, if this was measured.
    training : TrainingStatus
        State of the training.
    agreement : Agreement or None
        None if no clip has labels of two people.
    n_open : int
        Number of usable clips that no answer has settled.
    """

    n_clips: int
    n_labeled: int
    per_class: dict
    per_kind: dict
    n_problems: int
    curve: tuple
    estimate: Estimate | None
    labels_saved: int | None
    minutes_listened: float
    seconds_left_at_this_pace: float | None
    advice: str | None
    training: TrainingStatus
    agreement: Agreement | None = None
    n_open: int = 0
