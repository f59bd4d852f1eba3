"""The tables of a labeling project."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = ["VERSION"]

# Increment it when tables change, and add a step to `skal.label.store.migration`.
VERSION = 4

metadata = MetaData()

# Times are seconds since 1970 in UTC, which every database compares the same way.
#
# SQLite keeps no checksums. When a project opens, tables are compared with their indexes, so an
# index of each table also contains what people said, to detect bits that changed on the disk.

settings = Table(
    "settings",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("position", Integer, nullable=False),
    Column("key", String(1), unique=True),
    # The class that this class was merged into; the row keeps the former name.
    Column("merged_into", ForeignKey("classes.id")),
    # Not offered; its answers do not count until it is restored.
    Column("retired", Boolean(create_constraint=False), nullable=False, default=False),
    sqlite_autoincrement=True,
)

clips = Table(
    "clips",
    metadata,
    # Position in the pool, from 0; new files are appended.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("start", Float),
    Column("end", Float),
    Column("problem", Text),
    # Whether to ask about the clip: it is readable and not settled.
    Column("open", Boolean(create_constraint=False), nullable=False),
    # Random rank, for clips that no model has chosen.
    Column("lot", Integer, nullable=False),
    # The verdict of all votes; see `skal.label.asking.votes`.
    Column("kind", String(8)),
    Column("class_id", Integer),
    Column("answer_id", Integer),
    Column("n_people", Integer, nullable=False, default=0),
    Column("n_agree", Integer, nullable=False, default=0),
    Index("clips_by_lot", "open", "lot"),
    Index("clips_by_kind", "kind", "class_id"),
    Index("clips_by_answer", "answer_id"),
    Index("clips_by_path", "path", "start", "end"),
    Index("clips_by_people", "n_people"),
)

# Index only the few clips that are set aside: planners misuse an index of all clips.
_BROKEN = clips.c.problem.is_not(None)
Index("clips_by_problem", clips.c.id, sqlite_where=_BROKEN, postgresql_where=_BROKEN)

questions = Table(
    "questions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clip_id", ForeignKey("clips.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("round", Integer),
    Column("reason", String(16), nullable=False),
    # Until this time, an open question reserves its clip for this person.
    Column("expires_at", Float, nullable=False),
    # What the model of `round` predicted before anyone answered.
    Column("guess", ForeignKey("classes.id")),
    Column("guess_probability", Float),
    Column("answer_id", Integer),
    Index("questions_by_person", "person", "expires_at"),
    Index("questions_by_clip", "clip_id"),
    Index("questions_by_reason", "reason", "guess", "guess_probability", "round"),
    sqlite_autoincrement=True,
)

_SAID = ("kind", "class_id", "question_id", "seconds", "at", "round", "reason")

# Append-only, in order. A later answer supersedes an earlier one.
answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clip_id", ForeignKey("clips.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("class_id", ForeignKey("classes.id")),
    Column("question_id", ForeignKey("questions.id")),
    Column("seconds", Float),
    Column("at", Float, nullable=False),
    Column("round", Integer),
    Column("reason", String(16), nullable=False),
    # The answer that this one takes back, or another person's answer that it corrects.
    Column("undoes", ForeignKey("answers.id")),
    # The page makes a key for each answer, so that an answer sent twice is stored once.
    Column("client_key", String(64), unique=True),
    Index("answers_by_clip", "clip_id", "person"),
    Index("answers_by_person", "person", "id", *_SAID),
    Index("answers_undone", "undoes"),
    sqlite_autoincrement=True,
)

# The current answer of each person to each clip, for fast queries. `skal.label.asking.votes`
# writes it in the same transaction as the answer.
votes = Table(
    "votes",
    metadata,
    Column("clip_id", ForeignKey("clips.id"), primary_key=True, autoincrement=False),
    Column("person", Text, primary_key=True),
    Column("answer_id", ForeignKey("answers.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("class_id", ForeignKey("classes.id")),
    Index("votes_by_answer", "answer_id", "kind", "class_id"),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("n_labels", Integer, nullable=False),
    Column("status", String(8), nullable=False),
    # The labels that the round added, and its results.
    Column("record", JSON),
    Column("message", Text),
)

# What to ask next, by reason: the choice of the newest model (or, before the first model, of the
# initial strategy), and clips drawn at random for the estimate.
queue = Table(
    "queue",
    metadata,
    Column("reason", String(16), primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("round", Integer),
    Column("clip_id", ForeignKey("clips.id"), nullable=False),
)

predictions = Table(
    "predictions",
    metadata,
    Column("clip_id", ForeignKey("clips.id"), primary_key=True, autoincrement=False),
    Column("round", Integer, nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("probability", Float, nullable=False),
)
