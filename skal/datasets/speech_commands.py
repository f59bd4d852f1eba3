"""Google's Speech Commands: 105,829 single words by 2,618 speakers, about a second each."""

import os
import re
from pathlib import Path

from skal._utils.hints import nearest
from skal._utils.private import StrOptions, validate_params
from skal._utils.sound.broken import Broken
from skal._utils.sound.folders import audio_files, existing_folder
from skal.datasets._bunch import make_bunch
from skal.datasets._problems import DatasetError, report_problems

__all__ = ["DIGITS", "load_speech_commands"]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NAME = re.compile(r"(?P<speaker>.+)_nohash_(?P<take>\d+)\.\w+\Z")
_LISTED = re.compile(r"(?P<word>[^/\\.][^/\\]*)/[^/\\]+\Z")
_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}


@validate_params(
    {
        "data_home": [str, os.PathLike],
        "words": ["array-like", StrOptions({"digits"}), None],
        "on_error": [StrOptions({"raise", "warn"})],
    },
    prefer_skip_nested_validation=True,
)
def load_speech_commands(data_home, *, words=None, on_error="raise"):
    """Load Speech Commands (version 1 or 2) from its folder.

    Parameters
    ----------
    data_home : path-like
        The folder with a subfolder for each word, ``validation_list.txt`` and
        ``testing_list.txt``.
    words : sequence of str or "digits", default=None
        The words to load, which are the classes in this order. "digits": zero to nine. None: all
        words, sorted.
    on_error : {"raise", "warn"}, default="raise"
        For missing files and files with other names: "raise" one error that lists all, or leave
        them out and "warn".

    Returns
    -------
    sklearn.utils.Bunch
        ``paths``, ``target``, ``target_names``, ``groups`` (speakers), ``split`` ("train",
        "validation" or "test", official: no speaker is in two of them), ``problems`` and
        ``extra`` (always empty: all files are named by their folder). ``fold`` is None.

    Raises
    ------
    DatasetError
        If lists, names and files do not match; the error lists all problems.
    FileNotFoundError
        If there is no such folder, list or word.

    See Also
    --------
    load_audio_folder : Loads a folder of your own.
    train_test_positions : Splits by the official lists.

    References
    ----------
    Warden, Speech Commands: a dataset for limited-vocabulary speech recognition, arXiv
    1804.03209, section 5.

    Examples
    --------
    A folder with one word by three speakers, whose recordings are not opened:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import load_speech_commands
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "yes").mkdir()
    ...     for speaker in ("0a7c2a8d", "1b4c9b89", "2c6d3924"):
    ...         (Path(folder) / "yes" / f"{speaker}_nohash_0.wav").touch()
    ...     (Path(folder) / "validation_list.txt").write_text("yes/1b4c9b89_nohash_0.wav")
    ...     (Path(folder) / "testing_list.txt").write_text("yes/2c6d3924_nohash_0.wav")
    ...     commands = load_speech_commands(folder)
    25
    25
    >>> commands.groups.tolist(), commands.split.tolist()
    (['0a7c2a8d', '1b4c9b89', '2c6d3924'], ['train', 'validation', 'test'])
    """
    home = existing_folder(data_home)
    # Folders with an underscore contain background noise, not words.
    there = sorted(p.name for p in home.iterdir() if p.is_dir() and p.name[0] not in "_.")
    wanted = _wanted(words, there, home)
    # If only some words are loaded, the lists may name words that were not unpacked.
    parts, problems = _read_lists(home, None if words is None else wanted)
    names, paths, speakers = [], [], []
    for word in wanted:
        for sound in audio_files(home / word)[0]:
            match = _NAME.match(Path(sound).name)
            if match is None:
                reason = "not named speaker_nohash_number"
                problems.append(Broken(sound, reason, "move it away"))
                continue
            names.append(word)
            paths.append(sound)
            speakers.append(match["speaker"])
    split = [parts.get(path, "train") for path in paths]
    problems += _shared_speakers(speakers, split, home)
    report_problems(f"{len(problems)} problems in {str(home)!r}:", problems, on_error)
    if not paths:
        raise FileNotFoundError(f"no recordings of {', '.join(wanted)} in {str(home)!r}")
    return make_bunch(
        names, wanted, paths=paths, groups=speakers, split=split, problems=problems, extra=[]
    )


def _wanted(words, there, home):
    if words is None:
        if not there:
            raise FileNotFoundError(f"no folders of words in {str(home)!r}")
        return there
    wanted = list(DIGITS) if isinstance(words, str) else [str(word) for word in words]
    missing = [word for word in wanted if word not in there]
    if missing:
        near = sorted({nearest(word, there) for word in missing} - {None})
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise FileNotFoundError(f"no words {', '.join(missing)} in {str(home)!r}{hint}")
    return wanted


def _read_lists(home, wanted):
    """Return the part of every listed file, and the problems of the lists."""
    absent = [name for name in _LISTS.values() if not (home / name).is_file()]
    if absent:
        raise FileNotFoundError(
            f"there is no {' and no '.join(map(repr, absent))} in {str(home)!r}; they define the "
            "official split"
        )
    parts, problems = {}, []
    for part, name in _LISTS.items():
        for number, line in enumerate(_lines(home / name), start=1):
            if not line.strip():
                continue
            try:
                path = _listed(line.strip(), home, wanted)
                if path is not None and parts.setdefault(path, part) != part:
                    raise ValueError(f"{line.strip()!r} is in {_LISTS[parts[path]]} too")
            except ValueError as error:
                where = f"{name}, line {number}"
                problems.append(Broken(where, str(error), "compare with the published list"))
    return parts, problems


def _lines(path):
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        problem = Broken(str(path), str(error), "download it again")
        raise DatasetError("the list cannot be read:", [problem]) from error


def _listed(line, home, wanted):
    """Return the path of a listed file, or None if its word is not loaded."""
    match = _LISTED.match(line)
    if match is None:
        raise ValueError(f"{line!r} is not word/file")
    if wanted is not None and match["word"] not in wanted:
        return None
    path = str(home / line)
    if not os.path.lexists(path):
        raise ValueError(f"there is no file {path!r}")
    return path


def _shared_speakers(speakers, split, home):
    parts = {}
    for speaker, part in zip(speakers, split, strict=True):
        parts.setdefault(speaker, set()).add(part)
    where, advice = str(home), "compare with the published lists"
    return [
        Broken(where, f"speaker {speaker!r} is in {' and '.join(sorted(found))}", advice)
        for speaker, found in parts.items()
        if len(found) > 1
    ]
