"""Right whale calls of the Marinexplore and Cornell challenge of 2013: 30,000 clips of 2 s."""

import os
import re
from pathlib import Path

from skal._utils.private import StrOptions, validate_params
from skal._utils.sound.broken import Broken
from skal._utils.sound.folders import audio_files, existing_folder
from skal.datasets._bunch import make_bunch
from skal.datasets._published import check_files
from skal.datasets._table import read_csv

__all__ = ["load_whale"]

_COLUMNS = ("clip_name", "label")
_CLASSES = ("noise", "right whale")
_DATED = re.compile(r"\d{8}_")


@validate_params(
    {
        "data_home": [str, os.PathLike],
        "labels": [str, os.PathLike],
        "on_error": [StrOptions({"raise", "warn"})],
    },
    prefer_skip_nested_validation=True,
)
def load_whale(data_home, *, labels="train.csv", on_error="raise"):
    """Load the right whale calls from their folder.

    Parameters
    ----------
    data_home : path-like
        The folder with the table and the AIFF files, which may be in a subfolder (``train``).
    labels : path-like, default="train.csv"
        The table in `data_home`, with the columns ``clip_name`` and ``label`` (1: right whale
        call).
    on_error : {"raise", "warn"}, default="raise"
        If files are missing or rows are wrong: "raise" raises one error that lists them all;
        "warn" leaves them out and warns.

    Returns
    -------
    sklearn.utils.Bunch
        ``paths``, ``target`` (0 or 1), ``target_names``, ``groups`` (the day, if file names begin
        with a date, else the clip), ``problems`` and ``extra`` (files that the table does not
        name: the challenge's test clips). ``fold`` and ``split`` are None.

    Raises
    ------
    DatasetError
        If table and files do not match; the error lists all problems.
    FileNotFoundError
        If there is no such folder or table.

    See Also
    --------
    load_audio_folder : Loads a folder of your own.
    train_test_positions : Splits by days.

    Examples
    --------
    A folder with two clips, which are not opened:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import load_whale
    >>> table = '''clip_name,label
    ... 20090328_000000_002s3ms_TRAIN0_0.aif,0
    ... 20090329_001500_006s5ms_TRAIN1_1.aif,1
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     n_characters = (Path(folder) / "train.csv").write_text(table)
    ...     (Path(folder) / "20090328_000000_002s3ms_TRAIN0_0.aif").touch()
    ...     (Path(folder) / "20090329_001500_006s5ms_TRAIN1_1.aif").touch()
    ...     calls = load_whale(folder)
    >>> calls.target_names[calls.target].tolist(), calls.groups.tolist()
    (['noise', 'right whale'], ['20090328', '20090329'])
    """
    home = existing_folder(data_home)
    table = home / labels
    sounds, _ = audio_files(home)
    # Names are unique in the challenge, but folders differ between its archives.
    train = [sound for sound in sounds if Path(sound).parent.name != "test"]
    places = {Path(sound).name: sound for sound in train}
    problems, rows = [], []
    for where, raw in read_csv(table, _COLUMNS, problems):
        if raw["label"] not in ("0", "1"):
            reason = f"label is {raw['label']!r}, not 0 or 1"
            problems.append(Broken(where, reason, "correct the row"))
            continue
        if not raw["clip_name"]:
            problems.append(Broken(where, "no clip_name", "correct the row"))
            continue
        path = places.get(raw["clip_name"], str(home / "train" / str(raw["clip_name"])))
        rows.append({"path": path, "where": where, "label": int(raw["label"])})
    kept, extra = check_files(rows, home, sounds, problems, on_error)
    names = [Path(row["path"]).name for row in kept]
    return make_bunch(
        [_CLASSES[row["label"]] for row in kept],
        _CLASSES,
        paths=[row["path"] for row in kept],
        groups=[name[:8] if _DATED.match(name) else name for name in names],
        problems=problems,
        extra=extra,
    )
