"""CSV tables (RFC 4180) in UTF-8, with every column of every row."""

import csv

from skal._utils.files.delimited import safe_cell, text_stream
from skal.label.formats.columns import COLUMNS, values_of
from skal.label.formats.format import Format
from skal.label.formats.table_reading import read_table

__all__ = ["FORMAT"]


def _write(rows, stream, root):
    with text_stream(stream) as text:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(
                safe_cell(value) if isinstance(value, str) else value for value in values_of(row)
            )
    return []


FORMAT = Format(
    name="csv",
    title="CSV table",
    extension=".csv",
    media_type="text/csv",
    help="a table with every column of every answered clip",
    write=_write,
    read=read_table,
    reads=(".csv", ".tsv", ".txt"),
)
