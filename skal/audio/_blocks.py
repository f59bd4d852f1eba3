"""The parallel task: read a block of clips and compute their features."""

from typing import NamedTuple

import numpy as np

from skal._utils.sound.broken import Broken
from skal.audio._inputs import clip_name, try_load
from skal.audio.reading import fit_length

__all__ = ["different_lengths", "features_of_block"]


class Block(NamedTuple):
    """The results of a block of clips."""

    features: np.ndarray | None
    good: np.ndarray
    broken: dict
    notes: list
    n_samples: int


def features_of_block(transformer, start, clips):
    """Read a block of clips and compute their features."""
    notes = []
    if isinstance(clips, np.ndarray):
        y, good, broken = _finite_waveforms(transformer, start, clips)
    else:
        y, good, broken, notes = _load_block(transformer, start, clips)
    if len(good) == 0:
        return Block(None, good, broken, notes, 0)
    # Overflow is detected below.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        features = transformer._features_of_waveforms(y)
    finite = np.isfinite(features.reshape(len(features), -1)).all(axis=1)
    if not finite.all():
        for i in np.flatnonzero(~finite):
            broken[int(good[i])] = _not_finite(clips[good[i] - start], y[i])
        features, good = features[finite], good[finite]
    features = features if len(good) else None
    return Block(features, good, dict(sorted(broken.items())), notes, y.shape[1])


def _not_finite(clip, y):
    return Broken(
        clip_name(clip),
        f"its features are not finite: its loudest sample is {np.abs(y).max():g}",
        "rewrite it with samples between -1 and 1, or remove it",
    )


def _finite_waveforms(transformer, start, y):
    if transformer.duration is not None:
        n_samples = max(1, round(transformer.duration * transformer.sr))
        y = fit_length(y, n_samples, transformer.fill)
    finite = np.isfinite(y).all(axis=1)
    bad = Broken("waveform", "it has NaN or infinite samples", "leave it out")
    broken = {start + int(i): bad for i in np.flatnonzero(~finite)}
    good = start + np.flatnonzero(finite)
    return (y if finite.all() else y[finite]), good, broken


def _load_block(transformer, start, clips):
    sr = transformer.sr
    arguments = (sr, transformer.duration, transformer.fill)
    loaded = [try_load(clip, *arguments) for clip in clips]
    broken = {start + i: item for i, item in enumerate(loaded) if isinstance(item, Broken)}
    good = np.array([i for i in range(len(clips)) if start + i not in broken], dtype=np.intp)
    if len(good) == 0:
        return None, good, broken, []
    notes = [loaded[i][1] for i in good if loaded[i][1] is not None]
    waveforms = [loaded[i][0] for i in good]
    lengths = [(len(y), clips, i) for y, i in zip(waveforms, good, strict=True)]
    odd = next((entry for entry in lengths if entry[0] != lengths[0][0]), None)
    if odd is not None:
        raise ValueError(different_lengths(sr, lengths[0], odd))
    return np.stack(waveforms), start + good, broken, notes


def different_lengths(sr, *entries):
    """Return the message for clips that have no common length."""
    named = " and ".join(f"{clip_name(clips[i])!r} {n / sr:.3f} s" for n, clips, i in entries)
    return (
        f"the clips differ in length ({named}), but the features of a call share one shape: give "
        f"duration=, in s (longer clips are cropped, shorter ones padded)"
    )
