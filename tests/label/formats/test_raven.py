"""Raven's selection tables."""

import csv
import io
import os

import numpy as np
import pandas as pd
import soundfile
from hypothesis import given

from tests.label.formats.tables import (
    labels,
    row,
    written,
)


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
