"""Reports of unreadable recordings."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from skal._utils.files.atomic import write_atomically

__all__ = ["FeatureReport", "write_report"]


class FeatureReport(NamedTuple):
    """The result of building a feature store.

    Parameters
    ----------
    store : str
        Folder of the store.
    n_clips : int
        Clips asked for.
    n_computed : int
        Clips whose features were computed now; the other features were already stored.
    broken : dict of int to Broken
        Broken clips by position in X, with reason and advice.
    shape : tuple of int or None
        Shape of the features of one clip; None if there are none.
    """

    store: str
    n_clips: int
    n_computed: int
    broken: dict
    shape: tuple | None


def write_report(broken, path):
    """Write broken clips to a CSV file that spreadsheets can open."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["position", "path", "reason", "advice"])
    writer.writerows((i, *found) for i, found in broken.items())
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))
