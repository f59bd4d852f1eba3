"""CSV tables from elsewhere."""

import os

import pytest

from skal.label.asking.records import ImportedLabel
from skal.label.formats import LabelFileError, export_labels, read_labels
from tests.label.formats.tables import row


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
