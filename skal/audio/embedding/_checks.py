"""Check at the first run that a network returns embeddings."""

import contextlib
from typing import NamedTuple

import numpy as np

__all__ = ["Take", "examined", "refuse_if_different"]


class Take(NamedTuple):
    """Window and hop of a network in samples, its level, and the width of a row."""

    window: int
    hop: int
    scale: float
    peak: float | None
    width: int

    def prepared(self, windows):
        """Return windows at the level that the network expects."""
        if self.peak is not None:
            windows = windows - windows.mean(axis=1, keepdims=True)
            largest = np.abs(windows).max(axis=1, keepdims=True)
            windows = windows * (self.peak / np.where(largest > 0, largest, 1))
        return windows if self.scale == 1 else windows * np.float32(self.scale)


@contextlib.contextmanager
def examined(settings, own_output):
    """Lend an open network and its Take, after checking it."""
    network = settings.open()
    window = _window(settings, network.n_samples)
    hop = max(1, round((settings.hop or window / settings.sr) * settings.sr))
    take = Take(window, hop, settings.scale, settings.peak, 0)
    key = take, own_output
    with network.lend() as runtime:
        if key not in network.checked:
            network.checked[key] = _width(settings, network, runtime, take, own_output)
        yield runtime, take._replace(width=network.checked[key])


def _window(settings, n_samples):
    """Return the samples of a window."""
    path = settings.paths[-1]
    if settings.window is None and n_samples is None:
        raise ValueError(f"{path} takes windows of any length: give window=, in s")
    window = n_samples if settings.window is None else round(settings.window * settings.sr)
    if n_samples not in (None, window):
        kind = "shorter" if window < n_samples else "longer"
        raise ValueError(
            f"a window of {window / settings.sr:g} s is {window} samples at {settings.sr} Hz, "
            f"{kind} than the {n_samples} that {path} takes ({n_samples / settings.sr:g} s): "
            f"correct window= or sr="
        )
    return window


def _width(settings, network, runtime, take, own_output):
    """Run a network on two sounds, check its output, and return the length of a row."""
    path, rng = settings.paths[-1], np.random.default_rng(0)
    time = np.arange(take.window, dtype=np.float32) / settings.sr
    sounds = [rng.normal(scale=0.1, size=take.window), 0.3 * np.sin(2 * np.pi * 440 * time)]
    rows = runtime.run(take.prepared(np.stack(sounds).astype(np.float32)))
    if not np.isfinite(rows).all():
        raise ValueError(
            f"{path}: its output {network.output!r} is not finite on test input (noise and a "
            "tone): check scale= and output="
        )
    if np.array_equal(rows[0], rows[1]):
        raise ValueError(
            f"{path}: its output {network.output!r} is the same for noise and a tone: it does "
            "not depend on the sound; correct output=, scale= or sr="
        )
    scores = None if own_output else network.scores
    if scores is None and _are_probabilities(rows):
        scores = "its numbers are positive and sum up to 1"
    if scores is not None:
        raise ValueError(
            f"{path}: its output {network.output!r} holds class scores, not an embedding "
            f"({scores}). Name {_others(network)}a layer before it: output="
        )
    return rows.shape[1]


def _others(network):
    others = [repr(name) for name in network.names if name != network.output]
    return f"another output ({', '.join(others)}) or " if others else ""


def _are_probabilities(rows):
    return rows.shape[1] > 1 and (rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3)


def refuse_if_different(waveforms, n_clips, path):
    """Raise an error if different clips have identical embeddings."""
    first = None
    for y in waveforms:
        if first is None:
            first = y if y.any() else None
        elif y.any() and not np.array_equal(y, first):
            raise ValueError(
                f"{path} gives the same embedding for all {n_clips} clips: the network does not "
                "respond to them; correct scale=, sr= or output="
            )
