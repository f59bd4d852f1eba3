"""Reports of unreadable recordings."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from skal._utils.files.atomic import write_atomically

__all__ = ["FeatureReport", "write_broken"]


class FeatureReport(NamedTuple):
    """The result of building a feature store."""

    store: str  # folder of the store
    n_clips: int  # clips asked for
    # Clips whose features were computed now; the other features were already stored.
    n_computed: int
    broken: dict  # broken clips by position in X, with reason and advice
    shape: tuple | None  # shape of the features of one clip; None if there are none


def write_broken(broken, path):
    """Write broken clips to a CSV file that spreadsheets can open."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["position", "path", "reason", "advice"])
    writer.writerows((i, *found) for i, found in broken.items())
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))
