"""The Free Spoken Digit Dataset: 3,000 recordings of spoken digits by six speakers."""

import os
import re
from pathlib import Path

from skal._utils.private import StrOptions, validate_params
from skal._utils.sound.broken import Broken
from skal._utils.sound.folders import audio_files
from skal.datasets._bunch import make_bunch
from skal.datasets._download import data_folder, download, unpack
from skal.datasets._problems import report_problems

__all__ = ["fetch_fsdd", "load_fsdd"]

# The public repository in May 2024; later states may have other recordings.
_COMMIT = "26eb9aa"
ARCHIVE_URL = f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{_COMMIT}.zip"
CONTENT_DIGEST = "dbd573d7cafe79c4b49f65718115e1304e24e067fa39eff18a660dc6cb9c360f"

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<take>\d+)\.wav\Z")
_TEST_TAKES = 5


@validate_params(
    {"data_home": [str, os.PathLike], "on_error": [StrOptions({"raise", "warn"})]},
    prefer_skip_nested_validation=True,
)
def load_fsdd(data_home, *, on_error="raise"):
    """Load the Free Spoken Digit Dataset from its folder.

    Recordings are 8 kHz WAV, 0.14 to 2.28 s long (99% are under 0.93 s).

    Parameters
    ----------
    data_home : path-like
        The folder with ``recordings``, or that folder itself.
    on_error : {"raise", "warn"}, default="raise"
        For files with other names: "raise" one error that lists all, or leave them out and "warn".

    Returns
    -------
    sklearn.utils.Bunch
        ``paths`` (ndarray of str), ``target`` (ndarray of int, the digit), ``target_names``,
        ``groups`` (speakers), ``split`` ("test" for takes 0 to 4, else "train": the official
        split, which has every speaker on both sides, so ``groups_shared`` is set; split by
        ``groups`` for new speakers), ``problems`` and ``extra`` (always empty: no table names
        files). ``fold`` is None.

    Raises
    ------
    DatasetError
        If file names differ from ``digit_speaker_take.wav``; the error lists them.
    FileNotFoundError
        If there are no recordings in the folder.

    See Also
    --------
    fetch_fsdd : Downloads the data set first.
    load_audio_folder : Loads a folder of your own.
    train_test_positions : Splits by speakers.

    Examples
    --------
    A folder with the names of four of its recordings, which are not opened:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import load_fsdd, train_test_positions
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("3_jackson_0", "3_jackson_9", "7_theo_0", "7_theo_9"):
    ...         (Path(folder) / f"{name}.wav").touch()
    ...     digits = load_fsdd(folder)
    ...     train, test = train_test_positions(digits)
    >>> digits.target.tolist(), digits.groups.tolist()
    ([3, 3, 7, 7], ['jackson', 'jackson', 'theo', 'theo'])
    >>> digits.split.tolist(), test.tolist()
    (['test', 'train', 'test', 'train'], [0, 2])
    """
    home = Path(data_home)
    folder = home / "recordings" if (home / "recordings").is_dir() else home
    sounds = audio_files(folder)[0] if folder.is_dir() else []
    matches = {sound: _NAME.match(Path(sound).name) for sound in sounds}
    files = [sound for sound in sounds if matches[sound] is not None]
    advice = "move it away; for a folder of your own sounds use load_audio_folder"
    problems = [
        Broken(sound, "not named digit_speaker_take.wav", advice)
        for sound in sounds
        if matches[sound] is None
    ]
    report_problems(f"{len(problems)} problems in {str(folder)!r}:", problems, on_error)
    if not files:
        raise FileNotFoundError(
            f"no WAV files in {str(folder)!r}: name the folder with the data set's 'recordings', "
            "or download it with skal.datasets.fetch_fsdd()"
        )
    parts = [matches[file] for file in files]
    return make_bunch(
        [part["digit"] for part in parts],
        list("0123456789"),
        paths=files,
        groups=[part["speaker"] for part in parts],
        split=["test" if int(part["take"]) < _TEST_TAKES else "train" for part in parts],
        groups_shared=True,
        problems=problems,
        extra=[],
    )


def fetch_fsdd(data_home=None, *, url=ARCHIVE_URL, expected=CONTENT_DIGEST):
    """Download the Free Spoken Digit Dataset (16 MB), unless it exists, and load it.

    No other function of skal downloads anything. Another call resumes a broken download. The
    recordings are compared with the published checksum.

    Parameters
    ----------
    data_home : path-like, default=None
        Where to store it. None: the folder ``fsdd`` in the folder of the environment variable
        ``SKAL_DATA``, or in the system's cache folder.
    url : str, default=ARCHIVE_URL
        A zip archive of the data set: the project's own, or a mirror.
    expected : str, default=CONTENT_DIGEST
        Checksum of the names and contents of all recordings.

    Returns
    -------
    sklearn.utils.Bunch
        As from `load_fsdd`.

    Raises
    ------
    ValueError
        If the archive differs from the published recordings.

    See Also
    --------
    load_fsdd : Loads a folder that exists; describes the result.

    Examples
    --------
    Where the recordings exist, nothing is downloaded:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.datasets import fetch_fsdd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recordings = Path(folder) / "recordings"
    ...     recordings.mkdir()
    ...     (recordings / "3_jackson_0.wav").touch()
    ...     digits = fetch_fsdd(folder)
    >>> len(digits.paths)
    1
    """
    home = data_folder() / "fsdd" if data_home is None else Path(data_home)
    recordings = home / "recordings"
    if not recordings.is_dir():
        archive = download(url, home / "fsdd.zip")
        unpack(archive, recordings, "recordings", expected)
        archive.unlink()
    return load_fsdd(home)
