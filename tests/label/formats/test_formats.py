"""Labels out and in, in all formats, and back without a loss."""

import csv
import io
import os
import string
import unicodedata

import pandas as pd
import pytest
from hypothesis import assume, given

from skal.label.asking.records import ImportedLabel
from skal.label.formats import FORMATS, export_labels, read_labels
from tests.label.formats.tables import (
    NOON,
    labels_of,
    row,
    tables,
    texts,
    written,
)


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
    from skal._utils.files.delimited import safe_cell, unsafe_cell

    assert unsafe_cell(safe_cell(text)) == text
    assume(text[0] not in "'=+-@\0\uff1d\uff0b\uff0d\uff20" and text == text.strip())
    assume(unicodedata.category(text[0]) not in ("Cf", "Cc"))
    assert safe_cell(text) == text  # nothing else is touched


@pytest.mark.parametrize("before", ["", "\u00a0", " ", "\u200b", "\ufeff", "\u3000", "\t \u00a0"])
def test_a_formula_behind_what_nobody_sees_is_text(before):
    for sign in "=+-@\uff1d":
        cell = written([row("a.wav", f"{before}{sign}1+1")], "csv")[0].decode()
        assert f"a.wav,,,'{before}{sign}1+1,label" in cell


@pytest.mark.parametrize("cell", [" dog ", "dog\u00a0", "\tdog"])
def test_blanks_that_others_put_around_a_cell_are_dropped(cell):
    from skal._utils.files.delimited import unsafe_cell

    assert unsafe_cell(cell) == "dog"


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


@pytest.mark.parametrize("format", FORMATS.values(), ids=lambda format: format.name)
def test_a_format_describes_itself(format):
    assert format.extension[1:].strip(string.ascii_lowercase) == ""
    assert format.media_type.count("/") == 1
    assert format.title and format.help
    assert bool(format.reads) == (format.read is not None)


def test_the_formats_of_before_are_still_there():
    assert set(FORMATS) >= {"csv", "jsonl", "audacity", "raven", "labelstudio"}


def test_no_two_formats_read_the_same_files():
    reads = [extension for format in FORMATS.values() for extension in format.reads]
    assert len(set(reads)) == len(reads)
