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
    """A clip that one person is asked about."""

    question_id: int  # identifies the question in the answer
    clip_id: int  # position of the clip in the pool
    path: str  # the file, absolute
    name: str  # the file, relative to the folder of recordings
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    duration: float | None  # length in s
    round: int | None  # round whose model chose the clip; None before the first model
    # Why the clip was asked: typical of the recordings, chosen by the model, drawn at random for
    # the estimate, labeled by another person, drawn at random because the model is not ready, or
    # found in a search for clips like another or of a class.
    reason: str
    explanation: str  # the reason as a sentence for people
    # Class that the model predicts; None without a prediction, or if it is hidden until the
    # answer.
    guess: str | None = None
    guess_probability: float | None = None  # probability of that class
    # The answer that was taken back, if the question is asked again after an undo: the class, or
    # the kind of the answer.
    taken_back: str | None = None


@dataclass(frozen=True)
class AnswerReceipt:
    """Confirms that an answer is on disk."""

    answer_id: int  # number of the answer
    # Whether the same answer had arrived before, so that nothing was added.
    duplicate: bool = False
    guess: str | None = None  # class that the model predicted
    guess_probability: float | None = None  # probability of that class


@dataclass(frozen=True)
class ClassInfo:
    """A class of the project."""

    id: int  # its number
    name: str  # its name
    key: str | None  # the key that gives this class: one digit or lower-case letter
    nothing: bool = False  # whether it means that nothing of interest is heard


@dataclass(frozen=True)
class FormerClass:
    """A former class name."""

    name: str  # the name
    became: str | None  # the class that it was renamed to or merged into; None if it was retired

    def __str__(self):
        if self.became is None:
            return f"the class {self.name!r} was retired"
        return f"the class {self.name!r} is now {self.became!r}"


@dataclass(frozen=True)
class ClipInfo:
    """A clip of a project."""

    id: int  # its number
    path: str  # the file, absolute
    name: str  # the file, relative to the folder of recordings
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    problem: str | None = None  # why the clip is set aside; None for a usable clip


@dataclass(frozen=True)
class LabelRow:
    """What people say about a clip."""

    clip_id: int  # number of the clip
    path: str  # the file, relative to the folder of recordings
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    label: str | None  # the class, if the kind is "label"
    kind: str  # kind of the answer: a key of `skal.label.asking.kinds.KINDS`
    person: str  # who answered; of several people who agree, the first
    at: datetime  # when, in UTC
    round: int | None  # round whose model chose the clip
    reason: str  # why the clip was asked: a reason as in `Question`, "imported" or "relabeled"
    n_people: int = 1  # number of people who answered
    n_agree: int = 1  # number of people who gave this answer
    nothing: bool = False  # whether the class means that nothing of interest is heard


@dataclass(frozen=True)
class Answer:
    """An answer as it was given; answers are never changed or deleted."""

    id: int  # number of the answer; later answers have larger numbers
    clip_id: int  # number of the clip
    path: str  # the file, relative to the folder of recordings
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    person: str  # who answered
    kind: str  # kind of the answer: a key of `skal.label.asking.kinds.KINDS`, or "undo"
    label: str | None  # the class, if the kind is "label", by its present name
    seconds: float | None  # time taken, in s
    at: datetime  # when, in UTC
    round: int | None  # round whose model chose the clip
    reason: str  # why the clip was asked
    question_id: int | None  # the question; None for imported and changed labels
    # The answer taken back, if the kind is "undo", or else the answer of another person that this
    # one corrects.
    undoes: int | None


@dataclass(frozen=True)
class ImportedLabel:
    """A label from a file of another program."""

    path: str  # the file: absolute, relative to the folder of recordings, or a bare name
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    label: str  # the class
    # file, row: Where the label is from.
    file: str = field(default="", compare=False)
    row: str = field(default="", compare=False)


class NotTaken(NamedTuple):
    """A label that an import did not take."""

    # file, row: Where the label is from.
    file: str
    row: str
    clip: str  # the recording, as the file has it, and its part
    reason: str  # why it was not taken

    def __str__(self):
        return ": ".join(filter(None, [", ".join(filter(None, self[:2])), *self[2:]]))


@dataclass(frozen=True)
class ImportReport:
    """The result of an import of labels."""

    n_added: int  # labels that the import added
    unknown_files: tuple = ()  # files or windows that are not clips of the project
    unknown_classes: tuple = ()  # classes that the project lacks; add them and import again
    conflicts: tuple = ()  # clips that have another label in the project, which was kept
    not_taken: tuple = ()  # every label that was not taken, with its file, its row and the reason
    # Bare names, and the recordings that they stand for: no other has this name.
    by_name: tuple = ()
    n_known: int = 0  # labels that the project has already
    n_replaced: int = 0  # of the labels added, those that replace answers


@dataclass(frozen=True)
class Estimate:
    """Accuracy of the model, from clips drawn at random."""

    accuracy: float  # share of predictions that people confirmed
    # low, high: Limits of the 95% confidence interval.
    low: float
    high: float
    n: int  # number of clips behind the estimate


@dataclass(frozen=True)
class Agreement:
    """Agreement between people on clips that several people labeled."""

    n_clips: int  # number of clips that at least two people labeled
    n_people: int  # number of people who labeled these clips
    share: float  # share of these clips whose first two labels agree
    cohen: float | None  # cohen's kappa; None if undefined, or unless there are exactly two people
    fleiss: float | None  # fleiss' kappa of the first two labels of each clip; None if undefined


@dataclass(frozen=True)
class TrainingStatus:
    """The state of the training."""

    # "waiting": too few labels for a first model; "idle": too few new labels for another round.
    status: str
    round: int | None = None  # the current round, or else that of the newest model
    message: str | None = None  # what went wrong last, or what the training waits for


@dataclass(frozen=True)
class ProjectProgress:
    """The state of a project."""

    n_clips: int  # number of usable clips, including labeled ones
    n_labeled: int  # number of clips with a label
    per_class: dict  # number of labels of each class, in the order of the classes
    per_kind: dict  # number of clips for each kind of answer in `skal.label.asking.kinds.KINDS`
    n_problems: int  # number of unreadable clips, which are not asked
    curve: tuple  # the estimate after each round with audited predictions
    estimate: Estimate | None  # accuracy of the last models; None before the first audited answer
    # Number of clips without an answer that the model is expected to predict correctly.
    labels_saved: int | None
    minutes_listened: float  # time that people took for their answers, in minutes
    seconds_left_at_this_pace: float | None  # time to label all remaining clips, in s
    advice: str | None  # says when more labels no longer help, if this was measured
    training: TrainingStatus  # state of the training
    agreement: Agreement | None = None  # none if no clip has labels of two people
    n_open: int = 0  # number of usable clips that no answer has settled
    nothing: str | None = None  # the class that means that nothing of interest is heard
