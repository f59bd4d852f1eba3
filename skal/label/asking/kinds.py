"""Kinds of answers and their keys, for the page, the terminal, the API, and the tables."""

from dataclasses import dataclass

__all__ = ["KINDS", "LABEL", "RESERVED_KEYS", "SETTLING", "UNDO_KEY", "Kind"]


@dataclass(frozen=True)
class Kind:
    """A kind of answer. `key` is None for "label", because each class has its own key."""

    name: str  # at most 8 characters, see `skal.label.store.tables`
    key: str | None
    title: str  # on the button
    counted: str  # follows a number of clips
    help: str
    settles: bool  # False: the clip waits for another person


LABEL = "label"
_ALL = (
    Kind(LABEL, None, "Label", "labeled", "a class", settles=True),
    Kind("unsure", "u", "Unsure", "unsure", "you cannot tell from the sound", settles=True),
    Kind("skip", "s", "Skip", "skipped", "leave the recording to another person", settles=False),
    Kind("bad", "b", "Bad recording", "bad", "nothing to hear, or broken", settles=True),
)
KINDS = {kind.name: kind for kind in _ALL}
SETTLING = tuple(kind.name for kind in _ALL if kind.settles)
UNDO_KEY = "z"
# Keys that no class may have.
RESERVED_KEYS = frozenset({UNDO_KEY, *(kind.key for kind in _ALL if kind.key)})
