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

# Raised when tables change, so that an old project is refused instead of misread.
VERSION = 1

metadata = MetaData()

# Times are seconds since 1970 in UTC: every data base compares them alike.

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
    Column("added_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

clips = Table(
    "clips",
    metadata,
    # Position in the pool, counted from 0; new files come at the end.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("start", Float),
    Column("end", Float),
    Column("problem", Text),
    # May be asked: nobody has settled it, and it can be read.
    Column("open", Boolean(create_constraint=False), nullable=False),
    # Random order, for clips that nobody chose.
    Column("lot", Integer, nullable=False),
    # What people say of it, all together; see `skal.label.asking.votes`.
    Column("kind", String(8)),
    Column("class_id", Integer),
    Column("answer_id", Integer),
    Column("n_people", Integer, nullable=False, default=0),
    Column("n_agree", Integer, nullable=False, default=0),
    Index("clips_by_lot", "open", "lot"),
    Index("clips_by_kind", "kind", "class_id"),
    Index("clips_by_answer", "answer_id"),
    Index("clips_by_path", "path"),
    Index("clips_by_people", "n_people"),
)

# Of the few that are set aside only: an index of all would lead planners astray.
_BROKEN = clips.c.problem.is_not(None)
Index("clips_by_problem", clips.c.id, sqlite_where=_BROKEN, postgresql_where=_BROKEN)

asked = Table(
    "asked",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clip_id", ForeignKey("clips.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("round", Integer),
    Column("reason", String(16), nullable=False),
    Column("leased_at", Float, nullable=False),
    # A question without an answer keeps its clip for one person until then.
    Column("expires_at", Float, nullable=False),
    # What the model of `round` expected, before anybody had answered.
    Column("guess", ForeignKey("classes.id")),
    Column("guess_probability", Float),
    Column("answer_id", Integer),
    Index("asked_by_person", "person", "expires_at"),
    Index("asked_by_clip", "clip_id"),
    Index("asked_by_reason", "reason"),
    sqlite_autoincrement=True,
)

# Rows are only ever added here: this is what people said, and in which order.
answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("clip_id", ForeignKey("clips.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("class_id", ForeignKey("classes.id")),
    Column("asked_id", ForeignKey("asked.id")),
    Column("seconds", Float),
    Column("at", Float, nullable=False),
    Column("round", Integer),
    Column("why", String(16), nullable=False),
    Column("undoes", ForeignKey("answers.id")),
    # Made by the page for each answer: one that is sent twice is written once.
    Column("client_key", String(64), unique=True),
    Index("answers_by_clip", "clip_id", "person"),
    Index("answers_by_person", "person", "id"),
    Index("answers_undone", "undoes"),
    sqlite_autoincrement=True,
)

# What stands of the answers, for quick questions; written in the same transaction.
states = Table(
    "states",
    metadata,
    Column("clip_id", ForeignKey("clips.id"), primary_key=True, autoincrement=False),
    Column("person", Text, primary_key=True),
    Column("answer_id", ForeignKey("answers.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("class_id", ForeignKey("classes.id")),
    Index("states_by_answer", "answer_id"),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("n_labels", Integer, nullable=False),
    Column("status", String(8), nullable=False),
    Column("strategy", Text),
    # Which labels it was the first to train on, and what came of it.
    Column("record", JSON),
    Column("message", Text),
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("round", ForeignKey("rounds.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("n_labels", Integer, nullable=False),
    Column("classes", JSON, nullable=False),
)

# What the newest model wants to know (or, before there is one, the first clips), and clips drawn
# at random for the estimate, each with its guess.
queue = Table(
    "queue",
    metadata,
    Column("reason", String(16), primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("round", Integer),
    Column("clip_id", ForeignKey("clips.id"), nullable=False),
    Column("score", Float),
)

predictions = Table(
    "predictions",
    metadata,
    Column("clip_id", ForeignKey("clips.id"), primary_key=True, autoincrement=False),
    Column("round", Integer, nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("probability", Float, nullable=False),
)
