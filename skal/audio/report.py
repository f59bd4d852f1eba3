"""Reports of what could not be read, for people to open."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from skal.audio._store import write_atomically

__all__ = ["FeatureReport", "write_report"]


class FeatureReport(NamedTuple):
    """What building a store of features came to.

    Parameters
    ----------
    store : str
        Folder of the store.
    n_clips : int
        Clips asked for.
    n_computed : int
        Clips whose features were computed now; the others were there.
    failures : list of FailedClip
        Clips that could not be read, with reason and advice.
    shape : tuple of int or None
        Shape of the features of one clip; None if there are none.
    """

    store: str
    n_clips: int
    n_computed: int
    failures: list
    shape: tuple | None


def write_report(failures, path):
    """Write what failed as a CSV file that spreadsheets open.

    Parameters
    ----------
    failures : list of FailedClip
        As in ``failures_`` of a transformer.
    path : path-like
        The file; written whole or not at all.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["position", "clip", "reason", "advice"])
    writer.writerows(failures)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.getvalue())
