"""The columns of tables that other programs write."""

from typing import NamedTuple

from skal._utils.tables import as_seconds

__all__ = ["Dialect", "find_dialect"]


class Dialect(NamedTuple):
    """The columns of a program, in lower case; of several, the first that a table has."""

    name: str
    path: tuple
    start: str
    end: str
    label: tuple
    offset: str | None = None  # start in its own recording, where times go on over many
    quotes: bool = True

    def columns(self, names, rows):
        """Return the positions of columns by key, and (column, reason) of what is wrong."""
        at = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
        found = {"start": at[self.start], "end": at[self.end]}
        for key in ("path", "label"):
            filled = [at[name] for name in getattr(self, key) if name in at]
            # Raven leaves columns that it does not fill.
            filled = [i for i in filled if any(cells[i].strip() for cells in rows)] or filled
            found |= {key: filled[0]} if filled else {}
        if self.offset in at:
            found["offset"] = at[self.offset]
        wrong = []
        if "label" not in found:
            wrong.append((self.label[0], f"no such column of labels in this {self.name}"))
        several = "path" in found and len({cells[found["path"]] for cells in rows}) > 1
        if self.offset is not None and several and "offset" not in found:
            reason = f"no column {self.offset!r}, but the times go on over several recordings"
            wrong.append((names[found["start"]], f"{reason}; export it with this column"))
        return found, wrong

    def complete(self, record, separator):
        """Return a record with the times in its own recording."""
        record = {"path": None} | record
        offset = record.pop("offset", "")
        if not offset:
            return record
        try:
            times = [as_seconds(t, separator) for t in (offset, record["start"], record["end"])]
        except ValueError:
            return record  # whoever reads it says which is wrong
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
    Dialect("BirdNET table", ("file", "filepath", "path"), "start (s)", "end (s)", _BIRDS),
    Dialect("BirdNET table", ("filepath", "file"), "start", "end", _BIRDS),
    Dialect("crowsetta table", ("notated_path", "audio_path"), "onset_s", "offset_s", ("label",)),
)


def find_dialect(header):
    """Return the Dialect of a header, or None."""
    lower = {name.strip().casefold() for name in header}
    for dialect in _DIALECTS:
        # Our own table may have a column of BirdNET, and so have start and end.
        is_own = {"path", "label"} <= lower and dialect.start == "start"
        names_label = dialect.start != "start" or lower & set(dialect.label)
        if {dialect.start, dialect.end} <= lower and names_label and not is_own:
            return dialect
    return None
