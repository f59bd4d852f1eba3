"""MontageDisplay: spectrograms of clips of a class, side by side."""

import os
import textwrap

import numpy as np
from sklearn.utils import check_random_state

from skal.audio import AudioReadError, Broken, read_audio
from skal.display._clips import decibels_of, frame_length, short_name

__all__ = ["MontageDisplay", "show_class"]

_TILE = (2.6, 2.0)  # inches
# Above this ratio of lengths, the shorter clip would be a line on a common time axis.
_LONGER = 6


class MontageDisplay:
    """Spectrograms of clips of a class, on the same axes.

    If the lengths of clips differ much, each clip has its own time axis.

    Make one with `show_class`.

    Parameters
    ----------
    clips : list of tuple (name, y, sr)
        Name, waveform and sampling rate in Hz of each clip. For an unreadable clip, y is a
        `Broken` and sr is None.
    title : str, default=None
        Title of the picture.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Axes of each clip.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    images_ : list of matplotlib AxesImage
        Spectrograms of the readable clips, in dB below the largest value of each.

    See Also
    --------
    show_class : Draws clips of a class.
    ClipDisplay : A single clip, with its waveform.

    Examples
    --------
    >>> from skal.datasets import make_sounds
    >>> from skal.display import MontageDisplay
    >>> sounds = make_sounds(3, 3, random_state=0)
    >>> clips = [
    ...     (str(sounds.target_names[kind]), y, sounds.sr)
    ...     for kind, y in zip(sounds.target, sounds.data, strict=True)
    ... ]
    >>> display = MontageDisplay(clips=clips, title="three kinds").plot(n_columns=3)
    >>> len(display.images_)
    3
    """

    def __init__(self, *, clips, title=None):
        self.clips = clips
        self.title = title

    def plot(self, *, n_columns=4, n_fft=None, top_db=80.0, **kwargs):
        """Draw the clips in a new figure.

        Parameters
        ----------
        n_columns : int, default=4
            Clips side by side.
        n_fft : int, default=None
            Length of a frame, in samples; None: the power of two nearest to 32 ms.
        top_db : float, default=80.0
            Range of the colors below the largest value, in dB.
        **kwargs : dict
            Passed to matplotlib's ``imshow``.

        Returns
        -------
        MontageDisplay
            The object itself, with the attributes set.
        """
        import matplotlib.pyplot as plt

        n_columns = min(n_columns, len(self.clips))
        n_rows = -(-len(self.clips) // n_columns)
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            sharex=self._on_one_time_axis(),
            sharey=True,
            squeeze=False,
            layout="constrained",
            figsize=(_TILE[0] * n_columns + 1.0, _TILE[1] * n_rows + 0.6),
        )
        style = {"origin": "lower", "aspect": "auto", "cmap": "magma", "vmin": -top_db, "vmax": 0}
        tiles = axes.ravel()
        self.images_ = []
        for tile, (name, y, sr) in zip(tiles, self.clips, strict=False):
            tile.set_title(short_name(os.path.basename(name), 34), fontsize=7, parse_math=False)
            if isinstance(y, Broken):
                place = {"x": 0.5, "y": 0.5, "ha": "center", "va": "center"}
                words = textwrap.fill(y.reason, 28)
                tile.text(s=words, transform=tile.transAxes, fontsize=7, parse_math=False, **place)
                continue
            decibels = decibels_of(y, sr, frame_length(sr) if n_fft is None else n_fft, top_db)
            extent = (0, len(y) / sr, 0, sr / 2)
            self.images_.append(tile.imshow(decibels, extent=extent, **(style | kwargs)))
        for tile in tiles[len(self.clips) :]:
            tile.remove()
        self._finish(figure, tiles[: len(self.clips)], n_columns)
        return self

    def _seconds(self):
        return [len(y) / sr for _, y, sr in self.clips if not isinstance(y, Broken)]

    def _on_one_time_axis(self):
        seconds = self._seconds() or [1.0]
        return max(seconds) <= _LONGER * min(seconds)

    def _finish(self, figure, tiles, n_columns):
        if self.images_:
            if self._on_one_time_axis():
                tiles[0].set_xlim(0, max(self._seconds()))
            tiles[0].set_ylim(0, max(image.get_extent()[3] for image in self.images_))
            figure.colorbar(self.images_[0], ax=list(tiles), format="%.0f dB", shrink=0.6)
        for tile in tiles[-n_columns:]:
            tile.xaxis.set_tick_params(labelbottom=True)
        figure.supxlabel("time (s)", fontsize="medium")
        figure.supylabel("frequency (Hz)", fontsize="medium")
        if self.title is not None:
            figure.suptitle(self.title, parse_math=False)
        self.axes_, self.figure_ = tiles, figure


def show_class(
    data,
    label,
    n_clips=12,
    *,
    n_columns=4,
    n_fft=None,
    top_db=80.0,
    random_state=None,
    **kwargs,
):
    """Draw the spectrograms of some clips of a class side by side.

    Parameters
    ----------
    data : Bunch
        From a loader of `skal.datasets`, or `skal.datasets.make_sounds`.
    label : str
        The class, one of ``data.target_names``.
    n_clips : int, default=12
        Number of clips to draw at random; all if there are fewer.
    n_columns : int, default=4
        Clips side by side.
    n_fft : int, default=None
        Length of a frame, in samples; None: the power of two nearest to 32 ms.
    top_db : float, default=80.0
        Range of the colors below the largest value, in dB.
    random_state : int, RandomState instance or None, default=None
        Draws the clips.
    **kwargs : dict
        Passed to matplotlib's ``imshow``.

    Returns
    -------
    MontageDisplay
        Unreadable clips show the reason instead.

    Raises
    ------
    ValueError
        If there is no such class, or it has no clips.

    See Also
    --------
    show_clip : A single clip, with its waveform.
    MontageDisplay : What is returned.

    Examples
    --------
    >>> from skal.datasets import make_sounds
    >>> from skal.display import show_class
    >>> sounds = make_sounds(20, 2, random_state=0)
    >>> display = show_class(sounds, "chirp up", n_clips=4, random_state=0)
    >>> display.title
    'chirp up: 4 of 10 clips'
    """
    names = list(data.target_names)
    if label not in names:
        raise ValueError(f"there is no class {label!r}; there are {', '.join(map(str, names))}")
    rows = np.flatnonzero(data.target == names.index(label))
    if len(rows) == 0:
        raise ValueError(f"the class {label!r} has no clips")
    drawn = check_random_state(random_state).permutation(rows)[:n_clips]
    clips = [_clip(data, row) for row in np.sort(drawn)]
    title = f"{label}: {len(clips)} of {len(rows)} clips"
    display = MontageDisplay(clips=clips, title=title)
    return display.plot(n_columns=n_columns, n_fft=n_fft, top_db=top_db, **kwargs)


def _clip(data, row):
    if data.paths is None:
        return f"clip {row}", np.asarray(data.data[row]), data.sr
    path = data.paths[row]
    try:
        return path, *read_audio(path)
    except AudioReadError as error:
        return path, error.broken, None
