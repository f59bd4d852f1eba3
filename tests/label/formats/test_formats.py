"""Labels out and in: each format as its program reads it, and back without a loss."""

import csv
import io
import json
import os
import string
import zipfile
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import assume, given
from hypothesis import strategies as st

from skal.label.asking.records import ImportedLabel, LabelRow
from skal.label.formats import FORMATS, LabelFileError, export_labels, read_labels

NOON = datetime(2026, 5, 4, 12, 0, 0, 250000, UTC)


def row(path, label, start=None, end=None, *, kind="label", person="ada", clip_id=0):
    return LabelRow(clip_id, path, start, end, label, kind, person, NOON, 3, "chosen")


def written(rows, format, root="."):
    stream = io.BytesIO()
    problems = export_labels(rows, format, stream, root=root)
    assert not stream.closed
    return stream.getvalue(), problems


@pytest.fixture
def recordings(tmp_path):
    """Return a folder with 2 s at 8 kHz, 1.5 s at 16 kHz, and a file that is no sound."""
    folder = tmp_path / "recordings"
    (folder / "night").mkdir(parents=True)
    rng = np.random.default_rng(0)
    soundfile.write(folder / "a.wav", rng.uniform(-0.5, 0.5, 16000), 8000)
    soundfile.write(folder / "night" / "b.flac", rng.uniform(-0.5, 0.5, 24000), 16000)
    (folder / "broken.wav").write_bytes(b"no sound")
    return folder


# What people call classes and files: commas, quotes, line breaks, formulas, any script.
AWKWARD = ["=1+1", "'=1", "''@x", "+", "-5", "@SUM(A1)", "\t=1", "a,b", 'say "hi"', "a;b\r\nc"]
AWKWARD += [
    "Wiesenpieper \u2028 ß",
    "\uff1dcmd",
    "犬, 猫",
    "<script>",
    "'; DROP TABLE clips;--",
    " x ",
]
texts = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
labels = texts.filter(str.strip)
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


@pytest.mark.parametrize("format", ["csv", "jsonl", "labelstudio"])
@given(rows=tables())
def test_what_was_exported_is_imported(tmp_path_factory, format, rows):
    path = tmp_path_factory.mktemp("x") / f"labels{FORMATS[format].extension}"
    assert export_labels(rows, format, path) == []
    found = read_labels(path)
    assert all(isinstance(item, ImportedLabel) for item in found)
    assert labels_of(found) == labels_of([r for r in rows if r.kind == "label"])


@given(rows=tables())
def test_no_cell_of_a_csv_file_is_a_formula(rows):
    content, _ = written(rows, "csv")
    cells = [
        cell for line in csv.reader(io.StringIO(content.decode(), newline="")) for cell in line
    ]
    # \uff1d and the like are the characters in full width.
    assert not [
        cell for cell in cells if cell[:1] in tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20") if cell
    ]


@given(text=texts)
def test_a_quotation_mark_before_a_formula_is_undone_once(text):
    from skal.label.formats.cells import safe_cell, unsafe_cell

    assert unsafe_cell(safe_cell(text)) == text
    assume(text[0] not in "'=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")
    assert safe_cell(text) == text  # nothing else is touched


def test_csv_is_what_pandas_reads(tmp_path):
    rows = [
        row("a.wav", "dog, big"),
        row("b.wav", "rain", 0.1, 1 / 3),
        row("c.wav", None, kind="skip"),
    ]
    export_labels(rows, "csv", tmp_path / "labels.csv")
    table = pd.read_csv(tmp_path / "labels.csv")
    columns = ["path", "start", "end", "label", "kind", "person", "at", "round", "why"]
    assert list(table.columns) == columns
    assert table.label.fillna("").tolist() == ["dog, big", "rain", ""]
    assert table.end[1] == 1 / 3
    assert table.kind.tolist() == ["label", "label", "skip"]
    assert pd.to_datetime(table["at"])[0] == pd.Timestamp(NOON)


def test_json_lines_are_what_pandas_reads(tmp_path):
    rows = [row("a.wav", "dog\nhouse"), row("b.wav", "ß", 0.1, 1.5)]
    export_labels(rows, "jsonl", tmp_path / "labels.jsonl")
    table = pd.read_json(tmp_path / "labels.jsonl", lines=True)
    assert table.label.tolist() == ["dog\nhouse", "ß"]
    assert table.start[1] == 0.1
    assert len((tmp_path / "labels.jsonl").read_bytes().splitlines()) == 2


def test_an_existing_file_stays_whole_if_a_row_is_wrong(tmp_path):
    target = tmp_path / "labels.csv"
    target.write_text("as it was")
    with pytest.raises(AttributeError):
        export_labels([row("a.wav", "dog"), object()], "csv", target)
    assert target.read_text() == "as it was"
    assert os.listdir(tmp_path) == ["labels.csv"]


def test_an_unknown_format_names_the_nearest():
    with pytest.raises(ValueError, match="no format 'ravens'; did you mean 'raven'"):
        export_labels([], "ravens", io.BytesIO())


# --- Audacity ------------------------------------------------------------------------------


def read_audacity(text):
    """Read a label track as Audacity's manual describes it."""
    lines = [line.split("\t") for line in text.split("\n")[:-1]]
    assert all(len(line) == 3 for line in lines)
    assert all(len(t.partition(".")[2]) == 6 for line in lines for t in line[:2])
    return [(float(start), float(end), label) for start, end, label in lines]


def test_audacity_gets_a_label_file_for_each_recording(recordings, tmp_path):
    rows = [
        row("night/b.flac", "rain", 0.5, 1.0),
        row("a.wav", "dog\tbig\nold"),
        row("night/b.flac", "owl", 0.0, 0.5),
        row("broken.wav", None, kind="bad"),
    ]
    out = tmp_path / "out"
    assert export_labels(rows, "audacity", out, root=recordings) == []
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    assert files == ["a.wav.txt", "night/b.flac.txt"]
    assert read_audacity((out / "a.wav.txt").read_text()) == [(0, 2, "dog big old")]
    night = read_audacity((out / "night" / "b.flac.txt").read_text())
    assert night == [(0, 0.5, "owl"), (0.5, 1, "rain")]


def test_audacity_labels_in_a_stream_are_an_archive(recordings, tmp_path):
    rows = [row("a.wav", "犬"), row("night/b.flac", "rain", 0.5, 1.0)]
    content, problems = written(rows, "audacity", recordings)
    assert problems == []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["a.wav.txt", "night/b.flac.txt"]
        assert read_audacity(archive.read("a.wav.txt").decode()) == [(0, 2, "犬")]
    assert written(rows, "audacity", recordings)[0] == content
    export_labels(rows, "audacity", tmp_path / "labels.zip", root=recordings)
    assert (tmp_path / "labels.zip").read_bytes() == content


@pytest.mark.parametrize("path", ["gone.wav", "broken.wav"])
def test_a_recording_that_is_gone_keeps_its_label(recordings, path):
    content, (problem,) = written([row(path, "dog")], "audacity", recordings)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert read_audacity(archive.read(f"{path}.txt").decode()) == [(0, 0, "dog")]
    assert problem.row == path


@pytest.mark.parametrize("path", ["../out.wav", "/etc/x.wav", "a/../../b.wav", ".."])
def test_nothing_is_written_outside_the_folder(recordings, tmp_path, path):
    out = tmp_path / "deep" / "out"
    for target in (out, io.BytesIO()):
        with pytest.raises(ValueError, match="leads out of the folder"):
            export_labels([row(path, "dog", 0.0, 1.0)], "audacity", target, root=recordings)
    assert not list(tmp_path.rglob("*.txt"))


# --- Raven ---------------------------------------------------------------------------------


def read_raven(content):
    return pd.read_csv(io.BytesIO(content), sep="\t", quoting=csv.QUOTE_NONE)


def test_raven_gets_one_table_in_its_columns(recordings):
    rows = [
        row("a.wav", "dog", 0.5, 1.25),
        row("night/b.flac", 'the "big"\tone'),
        row("a.wav", "=cat", 0.0, 0.5),
        row("broken.wav", "dog"),
        row("a.wav", None, 1.5, 2.0, kind="unsure"),
    ]
    content, (problem,) = written(rows, "raven", recordings)
    table = read_raven(content)
    assert list(table.columns) == [
        *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)"),
        *("High Freq (Hz)", "Begin Path", "Begin File", "File Offset (s)", "Annotation"),
    ]
    assert table.Selection.tolist() == [1, 2, 3]
    assert set(table.View) == {"Spectrogram 1"}
    assert set(table.Channel) == {1}
    # Times go on over the files, as in a sequence; offsets begin anew in each.
    assert table["Begin Time (s)"].tolist() == [0.0, 0.5, 2.0]
    assert table["End Time (s)"].tolist() == [0.5, 1.25, 3.5]
    assert table["File Offset (s)"].tolist() == [0.0, 0.5, 0.0]
    assert table["Low Freq (Hz)"].tolist() == [0, 0, 0]
    assert table["High Freq (Hz)"].tolist() == [4000, 4000, 8000]
    assert table["Begin File"].tolist() == ["a.wav", "a.wav", "b.flac"]
    assert all(os.path.isfile(path) for path in table["Begin Path"])
    assert table.Annotation.tolist() == ["'=cat", "dog", 'the "big" one']
    assert problem.row == "broken.wav"
    assert "not a sound file" in str(problem)


@given(label=labels)
def test_every_label_is_one_line_for_raven(tmp_path_factory, label):
    folder = tmp_path_factory.mktemp("one")
    soundfile.write(folder / "a.wav", np.array([0.1, 0.2]), 8000)
    content, _ = written([row("a.wav", label)], "raven", folder)
    lines = content.decode().split("\n")
    assert len(lines) == 3
    assert {line.count("\t") for line in lines[:2]} == {10}


# --- Label Studio --------------------------------------------------------------------------


def test_label_studio_gets_tasks_with_annotations():
    rows = [
        row("a.wav", "dog"),
        row("b.wav", "owl", 0.5, 2.0),
        row("b.wav", "rain", 2.0, 4.0),
        row("c.wav", None, kind="skip"),
        row("a.wav", "cat", person="bob"),
    ]
    tasks = json.loads(written(rows, "labelstudio")[0])
    assert [task["data"] for task in tasks] == [{"audio": f"{name}.wav"} for name in "abc"]
    ada, bob = (annotation["result"] for annotation in tasks[0]["annotations"])
    assert {key: ada[0][key] for key in ("from_name", "to_name", "type", "value")} == {
        "from_name": "label",
        "to_name": "audio",
        "type": "choices",
        "value": {"choices": ["dog"]},
    }
    assert bob[0]["value"] == {"choices": ["cat"]}
    regions = tasks[1]["annotations"][0]["result"]
    assert [region["type"] for region in regions] == ["labels", "labels"]
    assert regions[1]["value"] == {"start": 2.0, "end": 4.0, "channel": 0, "labels": ["rain"]}
    assert tasks[2]["annotations"] == [
        {"result": [], "was_cancelled": True, "ground_truth": False}
    ]
    names = [result["id"] for task in tasks for a in task["annotations"] for result in a["result"]]
    assert len({(task["id"]) for task in tasks}) == 3
    assert len(set(names)) == len(names) == 4


def task(address, *choices, **more):
    result = {"from_name": "class", "to_name": "sound", "type": "choices", "id": "Y3NH3ghJgg"}
    annotation = {"id": 1001, "result": [result | {"value": {"choices": list(choices)}}]}
    return {"id": 1, "data": {"audio": address}, "annotations": [annotation | more]}


def imported(tmp_path, tasks):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return read_labels(path)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("field/a.wav", "field/a.wav"),
        ("/data/upload/3/0a1b2c3d-a%20b.wav", "a b.wav"),
        ("/data/local-files/?d=field/a%20b.wav", "field/a b.wav"),
        ("http://localhost:8080/data/local-files/?d=field/a.wav", "field/a.wav"),
        ("https://example.org/sounds/a%C3%A4.wav", "sounds/aä.wav"),
        ("s3://bucket/field/a.wav", "field/a.wav"),
        ("/home/ada/a.wav", "/home/ada/a.wav"),
    ],
)
def test_addresses_of_label_studio_are_paths(tmp_path, address, path):
    assert imported(tmp_path, [task(address, "dog")]) == [ImportedLabel(path, None, None, "dog")]


def test_only_finished_annotations_are_taken(tmp_path):
    tasks = [
        task("a.wav", "dog"),
        task("b.wav", was_cancelled=True),
        {"data": {"audio": "c.wav"}, "predictions": task("c.wav", "cat")["annotations"]},
        {"data": {"audio": "d.wav"}, "annotations": []},
        {"data": {"url": "e.wav"}, "completions": task("e.wav", "cat")["annotations"]},
    ]
    tasks[0]["annotations"][0]["result"].append({"type": "textarea", "value": {"text": ["hm"]}})
    tasks[0]["annotations"].append(tasks[0]["annotations"][0])
    found = imported(tmp_path, tasks)
    assert [(item.path, item.label) for item in found] == [("a.wav", "dog"), ("e.wav", "cat")]


def test_all_problems_of_label_studio_are_told_at_once(tmp_path):
    region = {"type": "labels", "value": {"start": 2, "end": 1, "labels": ["dog"]}}
    several = task("g.wav", "dog")
    several["annotations"][0]["result"].append(
        {"from_name": "loudness", "type": "choices", "value": {"choices": ["loud"]}}
    )
    tasks = [
        task("a.wav", "dog", "cat"),
        "no task",
        {"data": {"left": "a.wav", "right": "b.wav"}, "annotations": []},
        {"data": {"audio": "c.wav"}, "annotations": [{"result": [region, {"value": 3}]}]},
        task("d.wav", "dog"),
        task("d.wav", "cat"),
        {"data": {"audio": "f.wav"}, "annotations": {}},
        several,
    ]
    with pytest.raises(LabelFileError) as caught:
        imported(tmp_path, tasks)
    found = [(p.row, p.key) for p in caught.value.problems]
    assert found == [
        ("task 1", "annotations[0].result[0].value.choices"),
        ("task 2", "data"),
        ("task 3", "data.audio"),
        ("task 4", "annotations[0].result[1]"),
        ("task 4", "annotations[0].result[0].value.end"),
        ("task 6", "label"),
        ("task 7", "annotations"),
        ("task 8", "annotations[0]"),
    ]
    assert "8 problems; nothing was taken" in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "audio", "annotations", "result", "value", "type", "choices"])
            | st.sampled_from(["labels", "start", "end", "was_cancelled", "from_name"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(content=json_values)
def test_any_json_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "x.json"
    path.write_text(json.dumps(content))
    try:
        assert all(isinstance(item.label, str) for item in read_labels(path))
    except LabelFileError as error:
        assert error.problems


@given(content=st.binary(max_size=200), name=st.sampled_from(["x.csv", "x.json", "x.jsonl"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        read_labels(path)
    except LabelFileError as error:
        assert error.problems


# --- CSV from elsewhere --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.wav,dog\nb.wav,\n\n",
        "\ufeffpath;label\r\na.wav;dog\r\n",
        "label\tpath\tnotes\ndog\ta.wav\tloud, near\n",
        "path,start,end,label\na.wav,,,dog\n",
        ' path , label \n"a.wav","dog"\n',
    ],
)
def test_tables_from_elsewhere_are_read(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode())
    assert read_labels(path) == [ImportedLabel("a.wav", None, None, "dog")]


def test_all_problems_of_a_table_are_told_at_once(tmp_path):
    lines = [
        "path,label,start,end,kind",
        "a.wav,dog,0,1,label",
        "a.wav,cat,0,1,label",
        ",dog,,,",
        "b.wav,dog,x,1,",
        "c.wav,dog,2,1,",
        "d.wav,dog,nan,1,",
        "e.wav,dog,1,,",
        "f.wav,dog,-1,1,",
        "g.wav,dog,,,maybe",
        "h.wav,dog",
        "i.wav,dog,1e400,2e400,",
    ]
    path = tmp_path / "labels.csv"
    path.write_bytes("\n".join(lines).encode() + b"\nj.wav,b\xf6,,,\n")
    with pytest.raises(LabelFileError) as caught:
        read_labels(path)
    assert [(problem.row, problem.key) for problem in caught.value.problems] == [
        ("row 3", "label"),
        ("row 4", "path"),
        ("row 5", "start"),
        ("row 6", "end"),
        ("row 7", "start"),
        ("row 8", "end"),
        ("row 9", "start"),
        ("row 10", "kind"),
        ("row 11", "cells"),
        ("row 12", "start"),
        ("row 13", "label"),
    ]
    assert "'a.wav' is 'dog' in row 2" in str(caught.value)
    assert str(caught.value).count("\n") == 11


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no such column"),
        (b"path,lable\na.wav,dog\n", "row 1, label: no such column; did you mean 'lable'?"),
        (b"path,label,label\na,b,c\n", "several columns of this name"),
        (b'path,label\n"a.wav,dog\n', "line 2, quotes"),
        ("path,label\na.wav,dog\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path, content, message):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(LabelFileError) as caught:
        read_labels(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_names_that_are_no_utf8_survive(tmp_path):
    name = os.fsdecode(b"m\xf6we.wav")
    for extension in ("csv", "jsonl"):
        export_labels([row(name, "gull")], extension, tmp_path / f"x.{extension}")
        assert read_labels(tmp_path / f"x.{extension}")[0].path == name


def test_formats_have_printable_properties():
    assert set(FORMATS) == {"csv", "jsonl", "audacity", "raven", "labelstudio"}
    for known in FORMATS.values():
        assert known.extension[1:].strip(string.ascii_lowercase) == ""
        assert known.media_type.count("/") == 1
