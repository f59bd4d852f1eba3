"""UrbanSound8K: 8,732 city sounds of up to 4 s in ten classes and ten folds."""

import os

import numpy as np

from skal._utils.private import StrOptions, validate_params
from skal._utils.sound.broken import Broken
from skal._utils.sound.folders import audio_files, existing_folder
from skal.datasets._bunch import make_bunch
from skal.datasets._published import check_files, one_to_one, whole_number
from skal.datasets._table import as_number, read_csv

__all__ = ["load_urbansound8k"]

_COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
_WHOLE = ("fold", "classID", "fsID", "salience")
_CLASSES = (
    "air_conditioner",
    "car_horn",
    "children_playing",
    "dog_bark",
    "drilling",
    "engine_idling",
    "gun_shot",
    "jackhammer",
    "siren",
    "street_music",
)


@validate_params(
    {"data_home": [str, os.PathLike], "on_error": [StrOptions({"raise", "warn"})]},
    prefer_skip_nested_validation=True,
)
def load_urbansound8k(data_home, *, on_error="raise"):
    """Load UrbanSound8K from its folder.

    Parameters
    ----------
    data_home : path-like
        The folder with ``audio/fold1`` to ``audio/fold10`` and
        ``metadata/UrbanSound8K.csv``.
    on_error : {"raise", "warn"}, default="raise"
        If files are missing or rows are wrong: "raise" raises one error that lists them all;
        "warn" leaves them out and warns.

    Returns
    -------
    sklearn.utils.Bunch
        ``paths``, ``target`` (the official class numbers), ``target_names``, ``groups`` and
        ``recordings`` (fsID, the source recording), ``fold`` (1 to 10, official), ``start`` and
        ``end`` (s, in that recording), ``salience`` (1 foreground, 2 background), ``problems`` and
        ``extra`` (files that the table does not name). ``split`` is None.

    Raises
    ------
    DatasetError
        If table and files do not match; the error lists all problems.
    FileNotFoundError
        If there is no such folder or table.

    See Also
    --------
    load_audio_folder : Loads a folder of your own.
    train_test_positions : Splits by the official folds.

    References
    ----------
    Salamon, Jacoby and Bello, A dataset and taxonomy for urban sound research, ACM Multimedia
    2014. Results hold for the ten official folds only: a shuffled split has slices of one
    recording on both sides.

    Examples
    --------
    A folder with one recording, which is not opened:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import load_urbansound8k
    >>> table = '''slice_file_name,fsID,start,end,salience,fold,classID,class
    ... 100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     audio, metadata = Path(folder) / "audio" / "fold5", Path(folder) / "metadata"
    ...     audio.mkdir(parents=True)
    ...     metadata.mkdir()
    ...     (audio / "100032-3-0-0.wav").touch()
    ...     n_characters = (metadata / "UrbanSound8K.csv").write_text(table)
    ...     city = load_urbansound8k(folder)
    >>> city.target_names[city.target].tolist(), city.fold.tolist(), city.groups.tolist()
    (['dog_bark'], [5], [100032])
    """
    home = existing_folder(data_home)
    table = home / "metadata" / "UrbanSound8K.csv"
    problems, rows = [], []
    for where, raw in read_csv(table, _COLUMNS, problems):
        row = {c: whole_number(raw, c, where, problems) for c in _WHOLE}
        if None in row.values() or not _consistent(raw, row, where, problems):
            continue
        path = home / "audio" / f"fold{row['fold']}" / raw["slice_file_name"]
        rows.append({**raw, **row, "path": str(path), "where": where})
    pairs = [(row["classID"], row["class"]) for row in rows]
    problems += one_to_one(pairs, ("classID", "class"), str(table))
    sounds, _ = audio_files(existing_folder(home / "audio"))
    kept, extra = check_files(rows, home, sounds, problems, on_error)
    return make_bunch(
        [_CLASSES[row["classID"]] for row in kept],
        _CLASSES,
        paths=[row["path"] for row in kept],
        groups=[row["fsID"] for row in kept],
        recordings=[row["fsID"] for row in kept],
        fold=[row["fold"] for row in kept],
        start=[float(row["start"]) for row in kept],
        end=[float(row["end"]) for row in kept],
        salience=np.array([row["salience"] for row in kept]),
        problems=problems,
        extra=extra,
    )


def _consistent(raw, row, where, problems):
    """Check that class, fold, times, and file name of a row are consistent."""
    reasons = []
    if not 0 <= row["classID"] < len(_CLASSES) or raw["class"] != _CLASSES[row["classID"]]:
        reasons.append(f"class {raw['class']!r} does not match classID {row['classID']}")
    if not 1 <= row["fold"] <= 10:
        reasons.append(f"fold {row['fold']} is not one of 1 to 10")
    if not str(raw["slice_file_name"]).startswith(f"{row['fsID']}-{row['classID']}-"):
        reasons.append(
            f"the file name {raw['slice_file_name']!r} does not begin with fsID and classID, "
            f"{row['fsID']}-{row['classID']}-"
        )
    if row["salience"] not in (1, 2):
        reasons.append(f"salience {row['salience']} is not 1 or 2")
    for column in ("start", "end"):
        try:
            as_number(raw[column], column)
        except ValueError as error:
            reasons.append(str(error))
    problems += [Broken(where, reason, "compare with the published table") for reason in reasons]
    return not reasons
