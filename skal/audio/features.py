"""Transformers from recordings to log-mel spectrograms and cepstral coefficients."""

from numbers import Integral, Real

from sklearn.base import BaseEstimator

from skal._utils.private import Interval, StrOptions
from skal.audio._mel import MelTransformer
from skal.audio.spectral import log_mel_to_mfcc, pcen, power_to_db

__all__ = ["MFCC", "PCEN", "LogMelSpectrogram"]


class PCEN(BaseEstimator):
    """Per-channel energy normalization, instead of decibels.

    Each band is divided by its recent level, which evens out distance, loudness, and steady noise.
    Suits outdoor recordings.

    Parameters
    ----------
    gain : float, default=0.98
        Strength of the normalization, from 0 (none) to 1 (full).
    bias : float, default=2.0
        Offset before the compression.
    power : float, default=0.5
        Exponent of the compression; 0 is a logarithm.
    time_constant : float, default=0.4
        Time constant of the smoothing, in s.
    eps : float, default=1e-6
        Added to the level.
    scale : float, default=2**31
        Factor for samples between -1 and 1, applied first.

    See Also
    --------
    LogMelSpectrogram : Takes it as ``pcen``.
    skal.audio.spectral.pcen : The function of arrays.

    References
    ----------
    Wang et al., Trainable frontend for robust and far-field keyword spotting, ICASSP 2017,
    section 2.

    Examples
    --------
    Noise at two levels. In decibels the bands differ by 40 dB, after PCEN by little:

    >>> import numpy as np
    >>> from skal.audio import PCEN, LogMelSpectrogram
    >>> noise = np.random.RandomState(0).normal(scale=0.1, size=22050)
    >>> X = np.stack([noise, noise / 100])
    >>> far = np.diff(LogMelSpectrogram(top_db=None).transform(X).mean(axis=(1, 2, 3)))
    >>> far.round(1).tolist()
    [-40.0]
    >>> near = LogMelSpectrogram(power=1, pcen=PCEN()).transform(X).mean(axis=(1, 2, 3))
    >>> bool(near[1] > 0.7 * near[0])
    True
    """

    _parameter_constraints = {
        "gain": [Interval(Real, 0, None, closed="left")],
        "bias": [Interval(Real, 0, None, closed="left")],
        "power": [Interval(Real, 0, None, closed="left")],
        "time_constant": [Interval(Real, 0, None, closed="neither")],
        "eps": [Interval(Real, 0, None, closed="neither")],
        "scale": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, *, gain=0.98, bias=2.0, power=0.5, time_constant=0.4, eps=1e-6, scale=2.0**31
    ):
        self.gain = gain
        self.bias = bias
        self.power = power
        self.time_constant = time_constant
        self.eps = eps
        self.scale = scale

    def __call__(self, S, sr, hop_length):
        """Return the normalized spectrograms."""
        self._validate_params()
        return pcen(S, sr, hop_length, **self.get_params())


class LogMelSpectrogram(MelTransformer):
    """Log-mel spectrograms of recordings or waveforms.

    X is a sequence (list, array, Series) of paths, of windows such as ``"night.wav#t=60,64"``, or
    of waveforms at `sr`: a 2-D array with a row for each, or a list of 1-D arrays. The result is
    float32 of shape (n_clips, n_mels, frames, 1 + deltas).

    The defaults give 60 bands x 44 frames for a second. Sounds sampled at 8 kHz, such as telephone
    speech, have no content above 4 kHz: ``sr=8000, n_fft=512, hop_length=200`` uses all 60 bands
    for them (41 frames per second).

    Parameters
    ----------
    sr : int, default=22050
        Sampling rate, in Hz, that files are resampled to.
    duration : float, default=None
        Length of all clips, in s: longer clips are cropped at their end, shorter clips are padded.
        With None, all clips of a call must be equally long.
    fill : {"silence", "repeat", "reflect"}, default="silence"
        Padding of short clips.
    n_fft : int, default=2048
        Length of a frame, in samples.
    hop_length : int, default=512
        Distance between frames, in samples.
    win_length : int, default=None
        Length of the window within the frame; None is `n_fft`.
    window : str or tuple, default="hann"
        Window, as in `scipy.signal.get_window`.
    center : bool, default=True
        Pad clips by half a frame, so that frame t is centered at sample ``t * hop_length``.
    pad_mode : {"constant", "reflect", "edge", "wrap", "symmetric"}, default="constant"
        Padding for `center`.
    n_mels : int, default=60
        Number of mel bands.
    fmin : float, default=0.0
        Lowest frequency, in Hz.
    fmax : float, default=None
        Highest frequency, in Hz; None is ``sr / 2``.
    htk : bool, default=False
        Use the mel scale of HTK instead of Slaney's.
    power : float, default=2.0
        Exponent of the magnitudes.
    ref : float or "max", default=1.0
        Power at 0 dB; "max" is the largest value of each clip.
    amin : float, default=1e-10
        Lower limit of powers.
    top_db : float, default=80.0
        Limit values to this far below the largest value of their clip, in dB; None: no limit.
    pcen : PCEN, default=None
        Normalization instead of decibels; then `ref`, `amin` and `top_db` have no effect. It
        expects magnitudes: ``power=1``.
    deltas : {0, 1, 2}, default=0
        Extra channels: slopes over time (1), and also the slopes of slopes (2).
    delta_width : int, default=9
        Number of frames for estimating a slope; odd.
    normalize : {"clip", "band"}, default=None
        Give every channel of every clip, or every band of it, zero mean and unit variance.
    segment_frames : int, default=None
        Cut every clip into segments of this many frames: the second axis of the result is then
        that of segments. Clips shorter than a segment are padded.
    overlap : float, default=0.5
        Share of a segment that overlaps with the next one. The last segment ends with the clip.
    flatten : bool, default=False
        Return a row of numbers for each clip.
    on_error : {"raise", "warn"}, default="raise"
        What to do with broken clips: raise one error that names all of them, or return rows of
        zeros with a warning. A campaign around a Pipeline that begins with this transformer
        excludes such rows. Other steps treat them as sounds: use `transform_readable`.
    n_jobs : int, default=None
        Parallel jobs, in threads unless `joblib.parallel_config` selects another backend.

    Attributes
    ----------
    n_features_in_ : int
        Samples of a waveform, if `fit` was given a 2-D array.

    See Also
    --------
    MFCC : Cepstral coefficients.
    PretrainedEmbedding : Embeddings of a pretrained network, for few labels.
    FeatureCache : Stores the features on disk.
    FeatureScaler : Normalizes over a whole data set.

    Notes
    -----
    Values are those of `librosa.power_to_db` of `librosa.feature.melspectrogram`, to 1e-4.

    Examples
    --------
    Waveforms at 8 kHz, with spectrograms and their slopes as channels:

    >>> from skal.audio import LogMelSpectrogram
    >>> from skal.datasets import make_sounds
    >>> sounds = make_sounds(4, 2, random_state=0)
    >>> features = LogMelSpectrogram(sr=8000, n_fft=512, hop_length=200, n_mels=40, deltas=1)
    >>> features.transform(sounds.data).shape
    (4, 40, 41, 2)

    The first step of a Pipeline, whose parameters a grid search can set:

    >>> from sklearn.pipeline import make_pipeline
    >>> from skal.models import CNNClassifier
    >>> model = make_pipeline(LogMelSpectrogram(duration=1.0), CNNClassifier())
    >>> model.set_params(logmelspectrogram__n_mels=80)[0].feature_shape()
    (80, 44, 1)
    """

    _parameter_constraints = {
        **MelTransformer._parameter_constraints,
        "pcen": [PCEN, None],
    }

    def __init__(
        self,
        *,
        sr=22050,
        duration=None,
        fill="silence",
        n_fft=2048,
        hop_length=512,
        win_length=None,
        window="hann",
        center=True,
        pad_mode="constant",
        n_mels=60,
        fmin=0.0,
        fmax=None,
        htk=False,
        power=2.0,
        ref=1.0,
        amin=1e-10,
        top_db=80.0,
        pcen=None,
        deltas=0,
        delta_width=9,
        normalize=None,
        segment_frames=None,
        overlap=0.5,
        flatten=False,
        on_error="raise",
        n_jobs=None,
    ):
        self.sr = sr
        self.duration = duration
        self.fill = fill
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.center = center
        self.pad_mode = pad_mode
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.htk = htk
        self.power = power
        self.ref = ref
        self.amin = amin
        self.top_db = top_db
        self.pcen = pcen
        self.deltas = deltas
        self.delta_width = delta_width
        self.normalize = normalize
        self.segment_frames = segment_frames
        self.overlap = overlap
        self.flatten = flatten
        self.on_error = on_error
        self.n_jobs = n_jobs

    def _n_bands(self):
        return self.n_mels

    def _from_mel(self, mel):
        if self.pcen is not None:
            return self.pcen(mel, self.sr, self.hop_length)
        return power_to_db(mel, self.ref, self.amin, self.top_db)


class MFCC(MelTransformer):
    """Mel-frequency cepstral coefficients of recordings or waveforms.

    X is as for `LogMelSpectrogram`. The result is float32 of shape (n_clips, n_mfcc,
    frames, 1 + deltas).

    Parameters
    ----------
    n_mfcc : int, default=20
        Number of coefficients, at most `n_mels`.
    dct_type : {1, 2, 3}, default=2
        Type of the discrete cosine transform.
    norm : {"ortho"}, default="ortho"
        Its normalization; None for none.
    lifter : float, default=0
        Cepstral liftering; 0 for none.
    sr, duration, fill, n_fft, hop_length, win_length, window, center, pad_mode : as there
        See `LogMelSpectrogram`.
    n_mels, fmin, fmax, htk, power, ref, amin, top_db : as there
        See `LogMelSpectrogram`: the log-mel spectrogram that is transformed. `n_mels` is 60;
        `librosa.feature.mfcc` uses 128.
    deltas, delta_width, normalize, segment_frames, overlap, flatten, on_error, n_jobs : as there
        See `LogMelSpectrogram`.

    Attributes
    ----------
    n_features_in_ : int
        Samples of a waveform, if `fit` was given a 2-D array.

    See Also
    --------
    LogMelSpectrogram : Without the cosine transform, for CNNs.
    FeatureCache : Stores the features on disk.

    Notes
    -----
    Values are those of `librosa.feature.mfcc`, to 1e-4 of their size; delta channels those of
    `librosa.feature.delta` with order 1 and 2.

    Examples
    --------
    Rows of features for classifiers of scikit-learn:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skal.audio import MFCC
    >>> from skal.datasets import make_sounds
    >>> sounds = make_sounds(60, 2, random_state=0)
    >>> features = MFCC(sr=8000, n_mfcc=13, n_fft=512, hop_length=200, flatten=True)
    >>> features.transform(sounds.data).shape  # 13 coefficients x 41 frames
    (60, 533)
    >>> model = make_pipeline(features, StandardScaler(), LogisticRegression())
    >>> model.fit(sounds.data, sounds.target).predict_proba(sounds.data[:3]).shape
    (3, 2)
    """

    _parameter_constraints = {
        **MelTransformer._parameter_constraints,
        "n_mfcc": [Interval(Integral, 1, None, closed="left")],
        "dct_type": [Interval(Integral, 1, 3, closed="both")],
        "norm": [StrOptions({"ortho"}), None],
        "lifter": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_mfcc=20,
        dct_type=2,
        norm="ortho",
        lifter=0,
        sr=22050,
        duration=None,
        fill="silence",
        n_fft=2048,
        hop_length=512,
        win_length=None,
        window="hann",
        center=True,
        pad_mode="constant",
        n_mels=60,
        fmin=0.0,
        fmax=None,
        htk=False,
        power=2.0,
        ref=1.0,
        amin=1e-10,
        top_db=80.0,
        deltas=0,
        delta_width=9,
        normalize=None,
        segment_frames=None,
        overlap=0.5,
        flatten=False,
        on_error="raise",
        n_jobs=None,
    ):
        self.n_mfcc = n_mfcc
        self.dct_type = dct_type
        self.norm = norm
        self.lifter = lifter
        self.sr = sr
        self.duration = duration
        self.fill = fill
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.center = center
        self.pad_mode = pad_mode
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.htk = htk
        self.power = power
        self.ref = ref
        self.amin = amin
        self.top_db = top_db
        self.deltas = deltas
        self.delta_width = delta_width
        self.normalize = normalize
        self.segment_frames = segment_frames
        self.overlap = overlap
        self.flatten = flatten
        self.on_error = on_error
        self.n_jobs = n_jobs

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc={self.n_mfcc} is more than n_mels={self.n_mels}")

    def _n_bands(self):
        return self.n_mfcc

    def _from_mel(self, mel):
        S = power_to_db(mel, self.ref, self.amin, self.top_db)
        return log_mel_to_mfcc(S, self.n_mfcc, self.dct_type, self.norm, self.lifter)
