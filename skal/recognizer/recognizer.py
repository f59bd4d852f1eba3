"""Recognizer: features, a fitted classifier, and the windows that it was trained on."""

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skal._utils.files.saved_models import ModelError, read_model, write_model
from skal.audio._base import AudioTransformer
from skal.recognizer.clip_predictions import predict_blocks, read_files_only

__all__ = ["Recognizer"]


class Recognizer:
    """A fitted model of recordings that can be saved and used later.

    ``skal run`` and ``skal label`` save one, and ``skal predict`` opens it.

    Parameters
    ----------
    model : classifier
        Fitted, with ``predict_proba``. It takes paths and addresses such as ``x.wav#t=0,4``: a
        Pipeline that begins with a transformer of `skal.audio`, or a campaign around one. The
        recognizer modifies it: its transformer then raises errors for broken recordings, and a
        `skal.audio.FeatureCache` in it is replaced by its transformer.
    window : float, default=None
        Length of the windows that the model was trained on, in s. None: whole recordings.
    hop : float, default=None
        Distance between the starts of these windows, in s. None: `window`.
    nothing : str, default=None
        The class for nothing of interest: `write_predictions` calls its clips "none of these".
        None: there is no such class.

    See Also
    --------
    write_predictions : Predicts a folder, and writes a table.
    skal.models.make_embedding_classifier : A model to put behind an embedding.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skal.audio import LogMelSpectrogram
    >>> from skal.datasets import make_sounds
    >>> from skal.datasets.synthetic import write_sounds
    >>> from skal.recognizer import Recognizer
    >>> folder = tempfile.TemporaryDirectory()
    >>> sounds = write_sounds(make_sounds(20, 2, duration=0.3, random_state=0), folder.name)
    >>> features = LogMelSpectrogram(sr=8000, duration=0.3, n_fft=256, flatten=True)
    >>> model = make_pipeline(features, LogisticRegression(max_iter=1000))
    >>> recognizer = Recognizer(model.fit(sounds.paths, sounds.target))
    >>> file = Path(folder.name, "model.skal")
    >>> recognizer.save(file)
    >>> again = Recognizer.load(file)
    >>> again.sr
    8000
    >>> bool((again.predict(sounds.paths) == recognizer.predict(sounds.paths)).all())
    True
    >>> folder.cleanup()
    """

    def __init__(self, model, *, window=None, hop=None, nothing=None):
        self.model = model
        self.window = window
        self.hop = hop
        self.nothing = nothing

    @classmethod
    def join(cls, features, classifier, *, window=None, hop=None, nothing=None):
        """Make a recognizer from features and a classifier fitted on them.

        Parameters
        ----------
        features : transformer
            From `skal.audio`; it is copied.
        classifier : classifier
            Fitted on what `features` returns, such as the ``estimator_`` of a campaign.
        window, hop : float, default=None
            As in the constructor, in s.
        nothing : str, default=None
            As in the constructor.

        Returns
        -------
        Recognizer
        """
        features = clone(features, safe=False)
        # Nest a Pipeline, whose steps may be imbalanced-learn's: scikit-learn's rejects them.
        model = Pipeline([("features", features), ("classifier", classifier)])
        return cls(model, window=window, hop=hop, nothing=nothing)

    @classmethod
    def load(cls, path):
        """Open a saved recognizer.

        A model file contains a Python pickle: **opening it runs the code in it**. Open only files
        that you trust. Only the model file of `path` is opened.

        Parameters
        ----------
        path : path-like
            A model file; or a run folder of ``skal run`` or a project folder of ``skal label``,
            for its newest model. Classifiers of paths that were saved with joblib also work.

        Returns
        -------
        Recognizer

        Raises
        ------
        ModelError
            If there is no model, or its file is damaged or was made with other versions of its
            packages; the message names the file.
        """
        file, model, about = read_model(path)
        lacking = [n for n in ("predict_proba", "classes_", "get_params") if not hasattr(model, n)]
        if lacking:
            raise ModelError(
                f"{file}: contains a {type(model).__name__}, not a fitted classifier (it has no "
                f"{lacking[0]}); name a model that skal label or skal run saved"
            )
        # Before recognizers existed, projects stored their windows on the model.
        window, hop = getattr(model, "window_", (None, None))
        parts = {"window": about.get("window", window), "hop": about.get("hop", hop)}
        return cls(model, **parts, nothing=about.get("nothing"))

    def save(self, path):
        """Save the recognizer with a checksum, which detects changed files.

        Parameters
        ----------
        path : path-like
            The file, such as ``birds.skal``. It is written atomically.
        """
        read_files_only(self.model)
        about = {"window": self.window, "hop": self.hop, "nothing": self.nothing}
        write_model(path, self.model, about)

    @property
    def classes_(self):
        """Return the classes, in the order of the probabilities."""
        return self.model.classes_

    @property
    def sr(self):
        """Return the sampling rate that recordings are converted to, in Hz, or None."""
        return self._of_features("sr")

    @property
    def duration(self):
        """Return the length of a clip that the features use, in s; None: the whole clip."""
        return self._of_features("duration")

    def predict(self, clips):
        """Predict the class of each clip.

        Parameters
        ----------
        clips : sequence of str, path-like or Window
            Recordings, or windows of them.

        Returns
        -------
        ndarray of shape (n_clips,)

        Raises
        ------
        BrokenClipsError
            If a recording cannot be read; `predict_clips` sets it aside instead.
        """
        read_files_only(self.model)
        return self.model.predict([str(clip) for clip in clips])

    def predict_proba(self, clips):
        """Predict the probability of each class for each clip.

        Parameters
        ----------
        clips : sequence of str, path-like or Window
            Recordings, or windows of them.

        Returns
        -------
        ndarray of shape (n_clips, n_classes)
            Columns in the order of ``classes_``.

        Raises
        ------
        BrokenClipsError
            If a recording cannot be read; `predict_clips` sets it aside instead.
        """
        read_files_only(self.model)
        return self.model.predict_proba([str(clip) for clip in clips])

    def predict_clips(self, clips, *, block=256):
        """Yield the prediction of each clip; a broken clip has a problem instead.

        Parameters
        ----------
        clips : iterable of Window, or of tuple (Window, str)
            A tuple is a clip that cannot be read, and the reason.
        block : int, default=256
            Number of clips in memory at a time.

        Yields
        ------
        Prediction
            In the order of the clips.

        Raises
        ------
        ModelError
            If the model refuses the whole first block for another reason than broken files.
        """
        read_files_only(self.model)
        yield from predict_blocks(self.model, clips, block)

    def _of_features(self, name):
        """Return a parameter of the features, or None."""
        fitted = getattr(self.model, "estimator_", self.model)
        for value in fitted.get_params(deep=True).values():
            if isinstance(value, AudioTransformer):
                return getattr(value, name, None)
        return None
