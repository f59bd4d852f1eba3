"""Search a folder of recordings for windows that sound like an example."""

import csv
import os
from datetime import UTC, datetime
from typing import NamedTuple

from skal._utils.files.delimited import safe_cell, text_stream
from skal._utils.sound.folders import audio_files, existing_folder
from skal._utils.sound.soundfiles import windows_of
from skal._utils.sound.windows import as_window
from skal.audio import FeatureCache, build_features
from skal.audio.contract import readable_rows
from skal.audio.embedding.spec import as_embedding
from skal.label.asking.records import LabelRow
from skal.label.formats.read_write import export_labels
from skal.search import most_similar

__all__ = ["Hit", "search_folder", "write_hits"]


class Hit(NamedTuple):
    """A window that sounds like an example."""

    path: str  # the recording, relative to the folder
    start: float  # where the window begins, in s
    end: float | None  # where it ends; None: the end of the recording
    similarity: float  # cosine similarity of the embeddings, from -1 to 1


def search_folder(
    folder,
    examples,
    *,
    embedding="birdnet",
    top=50,
    window=3.0,
    hop=None,
    store=None,
    progress=None,
):
    """Find the windows in a folder of recordings that sound most like the examples.

    `progress` is that of `build_features`.
    """
    folder = existing_folder(folder)
    sounds, others = audio_files(folder)
    if not sounds:
        raise ValueError(
            f"no recordings in {str(folder)!r} ({len(others)} other files): skal recognizes "
            "sound files by extension, such as .wav, .flac or .mp3"
        )
    clips, broken = [], []
    for path in sounds:
        parts, problem = windows_of((path,), window, hop)
        clips += parts
        if problem is not None:
            broken.append((os.path.relpath(path, folder), problem.in_short))
    transformer = as_embedding(embedding)
    queries = _rows_of_examples(transformer, [str(as_window(example)) for example in examples])
    if not clips:
        return [], broken
    addresses = [str(clip) for clip in clips]
    store = folder / ".skal" / "features" if store is None else store
    build_features(addresses, transformer, store, progress=progress)
    rows, found = FeatureCache(transformer, store).transform_readable(addresses)
    for i, why in found.items():
        broken.append((os.path.relpath(clips[i].path, folder), why.in_short))
    if rows is None:
        return [], broken
    good = [clip for i, clip in enumerate(clips) if i not in found]
    places, similarities = most_similar(rows, queries, top)
    hits = [
        Hit(os.path.relpath(good[i].path, folder), good[i].start, good[i].end, float(value))
        for i, value in zip(places.tolist(), similarities, strict=True)
    ]
    return hits, broken


def _rows_of_examples(transformer, examples):
    rows, broken = readable_rows(transformer, examples)
    for found in broken.values():
        raise ValueError(f"the example {found}")
    return rows


def write_hits(hits, format, target, *, root):
    """Write search results as a CSV table, or as labels named by their similarity."""
    if format != "csv":
        return export_labels(
            [_as_label(i, hit) for i, hit in enumerate(hits)], format, target, root=root
        )
    with text_stream(target) as text:
        writer = csv.writer(text)
        writer.writerow(Hit._fields)
        for path, start, end, similarity in hits:
            cells = [safe_cell(path), start, "" if end is None else end, f"{similarity:.6f}"]
            writer.writerow(cells)
    return []


def _as_label(number, hit):
    return LabelRow(
        clip_id=number,
        path=hit.path,
        start=hit.start,
        end=hit.end,
        label=f"{hit.similarity:.3f}",
        kind="label",
        person="skal search",
        at=datetime.now(UTC),
        round=None,
        reason="similar",
        n_people=1,
        n_agree=1,
    )
