"""Spectral math on batches of waveforms, with librosa's definitions."""

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
from numpy.lib.stride_tricks import sliding_window_view

__all__ = [
    "delta",
    "log_mel_to_mfcc",
    "mel_filters",
    "mel_spectrogram",
    "n_frames_of",
    "pcen",
    "power_to_db",
]

# Samples to window and transform at a time: few enough for the processor's cache, but enough to
# make contention for the interpreter's lock rare.
_BLOCK = 2**18


@lru_cache(maxsize=32)
def mel_filters(sr, n_fft, n_mels=60, fmin=0.0, fmax=None, htk=False):
    """Return the mel filter bank of librosa."""
    from librosa.filters import mel

    filters = mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk)
    filters.flags.writeable = False
    return filters


@lru_cache(maxsize=32)
def _window(window, win_length, n_fft):
    values = scipy.signal.get_window(window, win_length or n_fft, fftbins=True)
    before = (n_fft - len(values)) // 2
    return np.pad(values, (before, n_fft - len(values) - before))


def n_frames_of(n_samples, n_fft=2048, hop_length=512, center=True):
    """Return the number of frames of a waveform."""
    padded = n_samples + 2 * (n_fft // 2) if center else n_samples
    return 1 + (padded - n_fft) // hop_length


def mel_spectrogram(
    y,
    filters,
    *,
    n_fft=2048,
    hop_length=512,
    win_length=None,
    window="hann",
    center=True,
    pad_mode="constant",
    power=2.0,
):
    """Return the mel spectrograms of many waveforms at once."""
    n_clips, n_samples = y.shape
    n_frames = n_frames_of(n_samples, n_fft, hop_length, center)
    if n_frames < 1:
        raise ValueError(
            f"clips of {n_samples} samples are shorter than n_fft={n_fft}: use center=True, a "
            "longer duration or a smaller n_fft"
        )
    out = np.empty((n_clips, len(filters), n_frames), dtype=np.float32)
    transform = _MelOfFrames(filters, _window(window, win_length, n_fft), power)
    clips_at_once = max(1, _BLOCK // (n_frames * n_fft))
    frames_at_once = max(1, _BLOCK // n_fft)
    pad = n_fft // 2 if center else 0
    for low in range(0, n_clips, clips_at_once):
        clips = slice(low, low + clips_at_once)
        block = np.asarray(y[clips], dtype=np.float32)
        if pad:
            block = np.pad(block, ((0, 0), (pad, pad)), mode=pad_mode)
        frames = sliding_window_view(block, n_fft, axis=1)[:, ::hop_length]
        for start in range(0, n_frames, frames_at_once):
            part = slice(start, start + frames_at_once)
            out[clips, :, part] = transform(frames[:, part]).transpose(0, 2, 1)
    return out


class _MelOfFrames:
    """Mel spectra of frames, in buffers that are reused between blocks."""

    # The system returns fresh pages for arrays of this size. Allocating them for each block
    # costs as much as the transform and serializes the threads.

    def __init__(self, filters, taper, power):
        self.filters = np.ascontiguousarray(filters.T)
        self.taper = taper
        self.power = power
        self.size = 0

    def __call__(self, frames):
        n_clips, n_frames, n_fft = frames.shape
        n = n_clips * n_frames
        if n > self.size:
            self._allocate(n, n_fft)
        tapered = self.tapered[:n].reshape(frames.shape)
        np.multiply(frames, self.taper, out=tapered)
        # Transform in double precision, as librosa does: otherwise rounding noise of a pure tone
        # is visible, in dB, in the other bands.
        spectrum = np.fft.rfft(self.tapered[:n], axis=-1, out=self.spectrum[:n])
        squared, more = self.squared[:n], self.tapered[:n, : self.squared.shape[1]]
        np.square(spectrum.real, out=squared)
        np.square(spectrum.imag, out=more)
        squared += more
        if self.power == 1:
            np.sqrt(squared, out=squared)
        elif self.power != 2:
            squared **= self.power / 2
        single = self.single[:n]
        np.copyto(single, squared, casting="same_kind")
        # One product per clip: BLAS rounding depends on the number of rows, and features must not
        # depend on the other clips of a block.
        return single.reshape(n_clips, n_frames, -1) @ self.filters

    def _allocate(self, n, n_fft):
        self.size = n
        self.tapered = np.empty((n, n_fft))
        self.spectrum = np.empty((n, n_fft // 2 + 1), dtype=np.complex128)
        self.squared = np.empty((n, n_fft // 2 + 1))
        self.single = np.empty((n, n_fft // 2 + 1), dtype=np.float32)


def power_to_db(S, ref=1.0, amin=1e-10, top_db=80.0):
    """Convert each power spectrogram to decibels."""
    amin = np.float32(amin)
    db = np.log10(np.maximum(S, amin))
    db *= 10
    if isinstance(ref, str):
        db -= 10 * np.log10(np.maximum(amin, S.max(axis=(1, 2), keepdims=True)))
    else:
        db -= np.float32(10 * np.log10(max(amin, abs(ref))))
    if top_db is not None:
        np.maximum(db, db.max(axis=(1, 2), keepdims=True) - np.float32(top_db), out=db)
    return db


def log_mel_to_mfcc(S, n_mfcc=20, dct_type=2, norm="ortho", lifter=0):
    """Return the mel-frequency cepstral coefficients of log-mel spectrograms."""
    n_mels = S.shape[1]
    basis = scipy.fft.dct(np.eye(n_mels), axis=0, type=dct_type, norm=norm)[:n_mfcc]
    if lifter > 0:
        k = np.arange(1, n_mfcc + 1)
        basis = basis * (1 + lifter / 2 * np.sin(np.pi * k / lifter))[:, np.newaxis]
    return basis.astype(np.float32) @ S


def delta(S, width=9, order=1):
    """Return local estimates of the derivative along the last axis."""
    if S.shape[-1] < width:
        raise ValueError(
            f"deltas over {width} frames need clips of at least {width} frames, not "
            f"{S.shape[-1]}: use a smaller delta_width or hop_length, or a longer duration"
        )
    return scipy.signal.savgol_filter(S, width, polyorder=order, deriv=order, axis=-1)


def pcen(
    S,
    sr,
    hop_length=512,
    *,
    gain=0.98,
    bias=2.0,
    power=0.5,
    time_constant=0.4,
    eps=1e-6,
    scale=2.0**31,
):
    """Return the per-channel energy normalization of mel spectrograms."""
    # Every band is divided by its own recent level, which evens out loudness, distance and
    # steady background noise.
    S = S * np.float64(scale)
    frames = time_constant * sr / hop_length
    b = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
    state = scipy.signal.lfilter_zi([b], [1, b - 1])
    state = np.broadcast_to(state, (*S.shape[:-1], 1))
    level, _ = scipy.signal.lfilter([b], [1, b - 1], S, axis=-1, zi=state)
    S *= np.exp(-gain * (np.log(eps) + np.log1p(level / eps)))
    if power == 0:
        return np.log1p(S).astype(np.float32)
    if bias == 0:
        return (S**power).astype(np.float32)
    return (bias**power * np.expm1(power * np.log1p(S / bias))).astype(np.float32)
