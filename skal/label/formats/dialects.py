"""The columns to read in tables of other programs; a format to write has a file of its own."""

from typing import NamedTuple

from skal._utils.files.table_times import as_seconds

__all__ = ["Dialect", "find_dialect"]


class Dialect(NamedTuple):
    """The columns of a program, in lower case; a table's first match counts."""

    name: str
    path: tuple
    start: str
    end: str
    label: tuple
    offset: str | None = None  # start within the recording, if times continue across recordings
    quotes: bool = True
    folder: str | None = None  # subfolder of the recording in the folder of all recordings
    end_is_length: bool = False
    several_labels: bool = False  # of a span with one line per label

    def columns(self, names, rows):
        """Return column positions by key, and (column, reason) of each problem."""
        at = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
        found = {"start": at[self.start], "end": at[self.end]}
        for key in ("path", "label"):
            filled = [at[name] for name in getattr(self, key) if name in at]
            # Raven keeps columns that it leaves empty.
            filled = [i for i in filled if any(cells[i].strip() for cells in rows)] or filled
            found |= {key: filled[0]} if filled else {}
        found |= {
            key: at[getattr(self, key)] for key in ("offset", "folder") if getattr(self, key) in at
        }
        wrong = []
        if "label" not in found:
            wrong.append((self.label[0], f"no such column of labels in this {self.name}"))
        several = "path" in found and len({cells[found["path"]] for cells in rows}) > 1
        if self.offset is not None and several and "offset" not in found:
            reason = f"no column {self.offset!r}, but the times continue across recordings"
            wrong.append((names[found["start"]], f"{reason}; export it with this column"))
        return found, wrong

    def complete(self, record, separator):
        """Return a record with the times in its own recording."""
        record = {"path": None} | record
        folder = record.pop("folder", "").strip().replace("\\", "/").strip("/")
        if folder not in ("", "."):
            record["path"] = f"{folder}/{record['path']}"
        offset = record.pop("offset", "")
        if not offset and not self.end_is_length:
            return record
        try:
            times = [
                as_seconds(time, separator)
                for time in (offset or 0.0, record["start"], record["end"])
            ]
        except ValueError:
            return record  # `check_span` reports the wrong one
        if self.end_is_length:
            return record | {"end": round(times[1] + times[2], 6)}
        return record | {"start": times[0], "end": round(times[0] + times[2] - times[1], 6)}


_BIRDS = ("common name", "common_name")
_DIALECTS = (
    Dialect(
        name="Raven selection table",
        path=("begin path", "begin file"),
        start="begin time (s)",
        end="end time (s)",
        label=("annotation", *_BIRDS, "species", "label", "tags"),
        offset="file offset (s)",
        quotes=False,
    ),
    Dialect(
        name="BirdNET table",
        path=("file", "filepath", "path"),
        start="start (s)",
        end="end (s)",
        label=_BIRDS,
        several_labels=True,
    ),
    Dialect(
        name="BirdNET table",
        path=("filepath", "file"),
        start="start",
        end="end",
        label=_BIRDS,
        several_labels=True,
    ),
    Dialect(
        name="Kaleidoscope table",
        path=("in file",),
        start="offset",
        end="duration",
        label=("manual id",),
        folder="folder",
        end_is_length=True,
    ),
    Dialect("crowsetta table", ("notated_path", "audio_path"), "onset_s", "offset_s", ("label",)),
)


def find_dialect(header):
    """Return the Dialect of a header, or None."""
    lower = {name.strip().casefold() for name in header}
    for dialect in _DIALECTS:
        # A table with our own columns is ours, even if it has a column of BirdNET.
        is_own = {"path", "label"} <= lower and dialect.start == "start"
        names_label = dialect.start != "start" or lower & set(dialect.label)
        has_file = dialect.folder is None or lower & set(dialect.path)
        if {dialect.start, dialect.end} <= lower and has_file and names_label and not is_own:
            return dialect
    return None
