"""A block of clips, read and turned into features: the task that is done in parallel."""

import numpy as np

from skal.audio._clips import FailedClip, clip_name, try_load
from skal.audio.reading import fit_length

__all__ = ["different_lengths", "features_of_block"]


def features_of_block(transformer, start, clips):
    """Read a block of clips and compute their features.

    Parameters
    ----------
    transformer : AudioTransformer
        What computes the features.
    start : int
        Position of the first clip in X.
    clips : list of clips, or ndarray of shape (n_clips, n_samples)
        Paths, addresses or waveforms.

    Returns
    -------
    features : ndarray or None
        Features of the clips that could be read; None if there are none.
    good : ndarray of int
        Which these are.
    failures : list of FailedClip
        What happened to the others.
    n_samples : int
        Length of the waveforms.
    """
    if isinstance(clips, np.ndarray):
        y = clips
        if transformer.duration is not None:
            n_samples = max(1, round(transformer.duration * transformer.sr))
            y = fit_length(y, n_samples, transformer.fill)
        good = np.flatnonzero(np.isfinite(y).all(axis=1))
        reason = ("waveform", "NaN or infinite samples in it", "leave it out")
        bad = [FailedClip(start + i, *reason) for i in range(len(y)) if i not in set(good)]
        y = y if len(good) == len(y) else y[good]
    else:
        y, good, bad = _load_block(transformer, start, clips)
    if len(good) == 0:
        return None, good, bad, 0
    return transformer._features_of_waveforms(y), good, bad, y.shape[1]


def _load_block(transformer, start, clips):
    sr = transformer.sr
    arguments = (sr, transformer.duration, transformer.fill)
    loaded = [try_load(start + i, clip, *arguments) for i, clip in enumerate(clips)]
    bad = [item for item in loaded if isinstance(item, FailedClip)]
    good = np.array([i for i, y in enumerate(loaded) if not isinstance(y, FailedClip)], dtype=int)
    if len(good) == 0:
        return None, good, bad
    lengths = [(len(loaded[i]), clips, i) for i in good]
    odd = next((entry for entry in lengths if entry[0] != lengths[0][0]), None)
    if odd is not None:
        raise ValueError(different_lengths(sr, lengths[0], odd))
    return np.stack([loaded[i] for i in good]), good, bad


def different_lengths(sr, *entries):
    """Return the message for clips that have no common length.

    Parameters
    ----------
    sr : int
        Sampling rate, in Hz.
    *entries : tuple (n_samples, clips, position)
        Clips of different lengths.

    Returns
    -------
    str
    """
    named = " and ".join(f"{clip_name(clips[i])!r} {n / sr:.3f} s" for n, clips, i in entries)
    return (
        f"the clips differ in length ({named}), but all features of a call have one shape: give "
        f"duration=, in s (longer clips are cropped, shorter ones padded)"
    )
