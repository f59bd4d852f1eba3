"""Tables of labels that the tests of all formats share."""

import io
from datetime import UTC, datetime

from hypothesis import strategies as st

from skal.label.asking.records import LabelRow
from skal.label.formats import export_labels

NOON = datetime(2026, 5, 4, 12, 0, 0, 250000, UTC)


def row(path, label, start=None, end=None, *, kind="label", person="ada", clip_id=0):
    return LabelRow(clip_id, path, start, end, label, kind, person, NOON, 3, "chosen")


def written(rows, format, root="."):
    stream = io.BytesIO()
    problems = export_labels(rows, format, stream, root=root)
    assert not stream.closed
    return stream.getvalue(), problems


# What people call classes and files: commas, quotes, line breaks, formulas, any script.
AWKWARD = ["=1+1", "'=1", "''@x", "+", "-5", "@SUM(A1)", "\t=1", "a,b", 'say "hi"', "a;b\r\nc"]
AWKWARD += ["\u00a0=1", "\u200b@x", " -1", "'\u00a0+1", "\ufeff=2"]
AWKWARD += [
    "Wiesenpieper \u2028 ß",
    "\uff1dcmd",
    "犬, 猫",
    "<script>",
    "'; DROP TABLE clips;--",
    " x ",
]
texts = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
# A project strips the names of its classes.
labels = texts.map(str.strip).filter(bool)
names = texts.map(lambda text: text.replace("/", "_").replace("\0", "_")).filter(
    lambda name: name not in (".", "..")
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
times = st.floats(0, 1e6, allow_nan=False)
spans = st.none() | st.tuples(times, times).map(sorted).filter(lambda span: span[0] < span[1])


@st.composite
def tables(draw):
    """Draw rows with a label, or none, each clip once."""
    clips = draw(st.lists(st.tuples(paths, spans), max_size=8, unique_by=str))
    rows = []
    for i, (path, span) in enumerate(clips):
        kind = draw(st.sampled_from(["label", "label", "skip", "unsure", "bad"]))
        label = draw(labels) if kind == "label" else None
        person = draw(st.sampled_from(["ada", "=bob"]))
        rows.append(row(path, label, *(span or (None, None)), kind=kind, person=person, clip_id=i))
    return rows


def labels_of(rows):
    found = [(r.path, r.start, r.end, r.label) for r in rows]
    return sorted(found, key=lambda item: tuple(map(str, item)))
