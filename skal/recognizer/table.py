"""Tables of predictions, with a row for each recording or window."""

import csv
import itertools
import os
from typing import NamedTuple

from skal._utils.files.delimited import safe_cell, text_stream
from skal._utils.sound.folders import audio_files, existing_folder
from skal._utils.sound.soundfiles import windows_of
from skal._utils.sound.windows import Window
from skal.recognizer.thresholds import NONE, check_thresholds, or_none

__all__ = ["PredictionReport", "write_predictions"]

_FIXED = ("path", "start", "end", "label", "probability", "problem")


class PredictionReport(NamedTuple):
    """Numbers of clips in a table of predictions."""

    n_clips: int  # number of clips in the table
    n_broken: int  # number of clips that could not be read
    n_none: int = 0  # number of clips that are "none of these"


def write_predictions(
    recognizer,
    folder,
    stream,
    *,
    window=None,
    hop=None,
    block=256,
    threshold=None,
    count_nothing=False,
    on_broken=None,
    on_block=None,
):
    """Write a CSV table with the predictions for all recordings in a folder.

    Its columns are ``path`` (below the folder), with windows ``start`` and ``end`` (s), ``label``,
    ``probability``, one for each class, and ``problem``, which says why a recording could not be
    read. A class whose name is one of these gets the prefix "class ". `skal.label.read_labels`
    reads the table. Nothing is written before the first block is predicted.

    Parameters
    ----------
    recognizer : Recognizer
        The model.
    folder : path-like
        Folder of the recordings, including its subfolders.
    stream : binary file object
        Stream to write to, block by block.
    window : float, default=None
        Predict windows of this length, in s. None: the windows of the recognizer, or else
        whole recordings.
    hop : float, default=None
        Distance between the starts of windows, in s. None: `window`.
    block : int, default=256
        Number of clips in memory at a time.
    threshold : float or dict, default=None
        Probability below which the label is "none of these": a number, or a dict by class (default
        0).
    count_nothing : bool, default=False
        If True, name the class for nothing of interest like any other class. If False, its label
        is "none of these"; its probability still has a column.
    on_broken : callable, default=None
        Called with the name of each broken recording and the reason.
    on_block : callable, default=None
        Called at intervals with the numbers of finished and of all recordings.

    Returns
    -------
    PredictionReport

    Raises
    ------
    ModelError
        If the model does not take recordings.
    OSError
        If there is no such folder, or it has no recordings.
    ValueError
        If `window` or `hop` is not positive, or `hop` is given alone.

    See Also
    --------
    Recognizer : Predicts recordings, and returns arrays.

    Examples
    --------
    >>> import io
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skal.audio import LogMelSpectrogram
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.recognizer import Recognizer, write_predictions
    >>> folder, table = TemporaryDirectory(), io.BytesIO()
    >>> with folder:
    ...     sounds = write_sounds(make_sounds(20, 2, duration=0.3, random_state=0), folder.name)
    ...     features = LogMelSpectrogram(sr=8000, duration=0.3, n_fft=256, flatten=True)
    ...     model = make_pipeline(features, LogisticRegression(max_iter=1000))
    ...     recognizer = Recognizer(model.fit(sounds.paths, sounds.target_names[sounds.target]))
    ...     write_predictions(recognizer, folder.name, table)
    PredictionReport(n_clips=20, n_broken=0, n_none=0)
    >>> table.getvalue().decode().splitlines()[0]
    'path,label,probability,chirp up,tone,problem'
    """
    if (window is None and hop is not None) or not all(x is None or x > 0 for x in (window, hop)):
        raise ValueError("window and hop must be positive, in s, and hop needs window")
    check_thresholds(threshold, recognizer.classes_)
    folder = existing_folder(folder)
    if window is None:
        window, hop = recognizer.window, recognizer.hop
    sounds, others = audio_files(folder)
    if not sounds:
        raise FileNotFoundError(
            f"no recordings in {str(folder)!r} ({len(others)} other files); skal recognizes "
            "sound files by extension, such as .wav, .flac or .mp3"
        )
    clips = _clips(sounds, window, hop, on_block)
    predictions = recognizer.predict_clips(clips, block=block)
    # If the model does not accept recordings, fail before writing the header.
    first = list(itertools.islice(predictions, 1))
    classes = recognizer.classes_
    nothing = None if count_nothing else recognizer.nothing
    n_clips = n_broken = n_none = 0
    with text_stream(stream) as text:
        writer = csv.writer(text)
        writer.writerow(_header(classes, window is not None))
        for found in itertools.chain(first, predictions):
            name = os.path.relpath(found.clip.path, folder)
            found = or_none(found, threshold, nothing)
            writer.writerow([safe_cell(name), *_cells(found, len(classes), window)])
            n_clips += 1
            n_none += str(found.label) == NONE
            if found.problem is not None:
                n_broken += 1
                if on_broken is not None:
                    on_broken(name, found.problem)
    return PredictionReport(n_clips, n_broken, n_none)


def _clips(sounds, window, hop, on_block):
    """Yield the windows of files, or a file and the reason that it has none."""
    for n_done, path in enumerate(sounds, start=1):
        parts, broken = windows_of((path,), window, hop)
        yield from parts
        if broken is not None:
            yield Window(path), broken.in_short
        if on_block is not None:
            on_block(n_done, len(sounds))


def _header(classes, windows):
    span = ["start", "end"] if windows else []
    names = [f"class {c}" if str(c) in _FIXED else str(c) for c in classes]
    return ["path", *span, "label", "probability", *map(safe_cell, names), "problem"]


def _cells(found, n_classes, window):
    """Return the cells of a row after its path."""
    span = [found.clip.start, found.clip.end] if window is not None else []
    if found.problem is not None:
        return [*span, *[""] * (2 + n_classes), safe_cell(found.problem)]
    each = [f"{probability:.6f}" for probability in found.probabilities]
    best = f"{found.probabilities.max():.6f}"
    return [*span, safe_cell(str(found.label)), best, *each, ""]
