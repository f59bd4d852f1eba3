"""ESC-50 and ESC-10: 2,000 environmental sounds of 5 s in fifty (ten) classes and five folds."""

import os
import re
from pathlib import Path

from skal._utils.private import StrOptions, validate_params
from skal._utils.sound.broken import Broken
from skal._utils.sound.folders import audio_files, existing_folder
from skal.datasets._bunch import make_bunch
from skal.datasets._published import check_files, one_to_one, whole_number
from skal.datasets._table import read_csv

__all__ = ["load_esc50"]

_COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")
_OLD_FOLDER = re.compile(r"(?P<number>\d{3}) ?- ?(?P<name>.+)\Z")
_OLD_FILE = re.compile(r"(?P<fold>[1-5])-(?P<source>\d+)-(?P<take>[A-Z])\.\w+\Z")


@validate_params(
    {
        "data_home": [str, os.PathLike],
        "esc10": ["boolean"],
        "on_error": [StrOptions({"raise", "warn"})],
    },
    prefer_skip_nested_validation=True,
)
def load_esc50(data_home, *, esc10=False, on_error="raise"):
    """Load ESC-50 or ESC-10 from its folder.

    Parameters
    ----------
    data_home : path-like
        The folder with ``audio`` and ``meta/esc50.csv``, or a folder in the older layout, with a
        subfolder for each class such as ``001 - Dog bark/1-100032-A.ogg``.
    esc10 : bool, default=False
        Only the ten classes of ESC-10. In the older layout they are in a separate folder.
    on_error : {"raise", "warn"}, default="raise"
        If files are missing or rows are wrong: "raise" raises one error that lists them all;
        "warn" leaves them out and warns.

    Returns
    -------
    sklearn.utils.Bunch
        ``paths``, ``target``, ``target_names`` (in the official order), ``groups`` and
        ``recordings`` (the source recording on Freesound), ``fold`` (1 to 5, official),
        ``problems`` and ``extra`` (files that the table does not name). ``split`` is None.

    Raises
    ------
    DatasetError
        If table and files do not match; the error lists all problems.
    FileNotFoundError
        If there is no such folder or it has neither layout.
    ValueError
        If `esc10` is set and a folder in the older layout has more classes.

    See Also
    --------
    load_audio_folder : Loads a folder of your own.
    train_test_positions : Splits by the official folds.

    References
    ----------
    Piczak, ESC: Dataset for environmental sound classification, ACM Multimedia 2015.

    Examples
    --------
    A folder in the older layout with three recordings, which are not opened:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import load_esc50, train_test_positions
    >>> files = ["001 - Dog bark/1-32-A.ogg", "001 - Dog bark/5-2-A.ogg", "002 - Rain/1-3-A.ogg"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in files:
    ...         path = Path(folder) / name
    ...         path.parent.mkdir(exist_ok=True)
    ...         path.touch()
    ...     esc = load_esc50(folder)
    ...     train, test = train_test_positions(esc, test_fold=5)
    >>> esc.target_names[esc.target].tolist(), esc.fold.tolist(), test.tolist()
    (['Dog bark', 'Dog bark', 'Rain'], [1, 5, 1], [1])
    """
    home = existing_folder(data_home)
    table = home / "meta" / "esc50.csv"
    sounds, _ = audio_files(home)
    problems = []
    if table.is_file():
        rows = _rows_of_table(table, home, problems)
    elif any(_OLD_FOLDER.match(Path(sound).parent.name) for sound in sounds):
        rows = _rows_of_folders(sounds, problems)
        if esc10 and len({row["category"] for row in rows}) > 10:
            raise ValueError(
                f"{str(home)!r} has more than ten classes, and nothing says which are ESC-10"
            )
    else:
        raise FileNotFoundError(
            f"neither {str(table)!r} nor folders such as '001 - Dog bark' in {str(home)!r}"
        )
    pairs = [(row["number"], row["category"]) for row in rows]
    problems += one_to_one(pairs, ("target", "category"), str(home))
    kept, extra = check_files(rows, home, sounds, problems, on_error)
    if esc10:
        kept = [row for row in kept if row["esc10"]]
        if not kept:
            raise FileNotFoundError(
                f"no recordings of ESC-10 in {str(home)!r}: see {str(table)!r}"
            )
    order = {row["category"]: row["number"] for row in kept}
    return make_bunch(
        [row["category"] for row in kept],
        sorted(order, key=order.get),
        paths=[row["path"] for row in kept],
        groups=[row["source"] for row in kept],
        recordings=[row["source"] for row in kept],
        fold=[row["fold"] for row in kept],
        problems=problems,
        extra=extra,
    )


def _rows_of_table(table, home, problems):
    rows = []
    for where, raw in read_csv(table, _COLUMNS, problems):
        fold = whole_number(raw, "fold", where, problems)
        target = whole_number(raw, "target", where, problems)
        if fold is None or target is None:
            continue
        reasons = []
        if not str(raw["filename"]).startswith(f"{fold}-{raw['src_file']}-"):
            reasons.append(f"{raw['filename']!r} does not begin with fold and src_file")
        if not 1 <= fold <= 5:
            reasons.append(f"fold {fold} is not one of 1 to 5")
        if raw["esc10"] not in ("True", "False"):
            reasons.append(f"esc10 is {raw['esc10']!r}, not True or False")
        advice = "compare with the published table"
        problems += [Broken(where, reason, advice) for reason in reasons]
        if reasons:
            continue
        rows.append(
            {
                "path": str(home / "audio" / raw["filename"]),
                "where": where,
                "fold": fold,
                "number": target,
                "category": raw["category"],
                "source": raw["src_file"],
                "esc10": raw["esc10"] == "True",
            }
        )
    return rows


def _rows_of_folders(sounds, problems):
    rows = []
    for sound in sounds:
        folder = _OLD_FOLDER.match(Path(sound).parent.name)
        if folder is None:
            continue
        name = _OLD_FILE.match(Path(sound).name)
        if name is None:
            advice = "move it away"
            problems.append(Broken(sound, "not named fold-source-take", advice))
            continue
        rows.append(
            {
                "path": sound,
                "where": sound,
                "fold": int(name["fold"]),
                "number": int(folder["number"]),
                "category": folder["name"],
                "source": name["source"],
                "esc10": True,
            }
        )
    return rows
