"""CNNClassifier: a scikit-learn classifier around a Keras network."""

import os
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from skal._utils.estimators.nested_parameters import NestedParameters
from skal._utils.private import HasMethods, Interval, StrOptions, _fit_context
from skal.models.augmentation import SpectrogramAugmentation
from skal.models.engine.specification import EngineSpec, copy_part
from skal.models.engine.training.channel_statistics import channel_statistics
from skal.models.engine.training.targets import (
    check_class_weight,
    combine_weights,
    encode_labels,
    resolve_classes,
    smooth_targets,
)
from skal.models.engine.training.validation import BestWeights, hold_out
from skal.models.initial_weights import StartsPretrained
from skal.models.networks.segments import suit_network
from skal.models.predictions import Predictions
from skal.models.recipe import automatic_steps

__all__ = ["CNNClassifier"]


class CNNClassifier(
    NestedParameters, Predictions, StartsPretrained, ClassifierMixin, BaseEstimator
):
    """Neural network classifier for sounds, for few labels.

    Trains a Keras network with its own recipe: a fixed number of steps instead of epochs, AdamW
    with a cosine schedule down to zero, label smoothing, and augmentation in training. Repeated
    fits of an instance reuse the built and traced network.

    Parameters
    ----------
    network : Network, callable or keras.Model, default=None
        Parameter object of the network, :class:`CompactCNN` for example, a function as SciKeras
        takes for its ``model``, or a Keras model; see Notes. None: :class:`DenseNet` for rows of
        features, :class:`CompactCNN` for spectrograms. If samples have segments, they share the
        network; see :class:`SegmentVoting`.
    steps : int or "auto", default="auto"
        Training steps; "auto" derives them from the number of labels, see
        :func:`skal.models.recipe.automatic_steps`.
    epochs : int, default=None
        Training epochs, instead of `steps`.
    batch_size : int or "auto", default="auto"
        Samples in a step; "auto" is 256 for rows of features, else the network's
        ``default_batch_size``: 32, or 64 for several members, which share them.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"}, default="adamw"
        Keras optimizer.
    learning_rate : float or "auto", default="auto"
        Highest learning rate, reached after the first steps; then it falls to zero along a cosine.
        "auto" is the network's ``default_learning_rate``.
    weight_decay : float, default=0.1
        Decoupled weight decay.
    label_smoothing : float, default=0.05
        Share of the target probability spread evenly over the classes.
    augmentation : SpectrogramAugmentation, "auto" or None, default="auto"
        Random changes of the samples in training; "auto" is ``SpectrogramAugmentation()`` for
        spectrograms and none for rows of features.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, 1 for classes missing in a dict. Samples of classes with weight 0
        are excluded.
    classes : array-like of shape (n_classes,), default=None
        All classes, if the labels given to `fit` may lack some.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit, if shape, classes and network are
        the same. The optimizer is reset; the normalization is kept.
    warm_steps : float, default=0.5
        Share of the steps for fits that continue from earlier weights.
    pretrained : path-like or estimator, default=None
        Initial weights for `fit`: a fitted classifier with the same network, a Pipeline or
        campaign that contains one, or a model file or run folder. Files are unpickled. The
        normalization is copied too; the last layer is redrawn if the classes differ.
    validation_fraction : float or None, default=None
        Share of the labels to hold out; `fit` then keeps the weights that were best on them. None,
        or less than one sample: train on all labels and keep the last weights, which are good
        because the learning rate falls to zero. A class with a single label is never held out, and
        groups given to `fit` are held out as a whole. With fewer than a hundred held-out labels,
        this costs more accuracy than it gains.
    engine : {"keras", "tensorflow"}, default="tensorflow"
        Training engine: "keras" uses a Keras optimizer, "tensorflow" TensorFlow's kernels on one
        vector of all weights. Results are equal up to rounding; "tensorflow" is faster, especially
        for small networks.
    random_state : int, RandomState instance or None, default=None
        Source of weights, batches, augmentation and dropout. Global random states do not change.
    verbose : int, default=0
        Above 0, show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes, sorted.
    n_features_in_ : int
        Second dimension of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, if it has names.
    n_steps_ : int
        Training steps of the last fit.
    loss_curve_ : ndarray of shape (n_steps_,)
        Loss of each step.
    validation_curve_ : ndarray of shape (n_looks, 3) or None
        Step, accuracy and log loss on held-out labels; None without them.
    validation_score_ : float or None
        Accuracy on held-out labels with the final weights.
    network_ : Network or callable
        The network used.

    Notes
    -----
    **SciKeras's part.** SciKeras calls a function given as `network`, with the arguments ``meta``
    and ``compile_kwargs`` if the function has them; ``meta["X_shape_"]`` has a channel axis for
    spectrograms. skal does everything else: training, prediction and validation. So the model need
    not be compiled, and its optimizer, loss, metrics and ``train_step`` are ignored in favor of
    the parameters here and the categorical cross-entropy. Losses added by layers (regularizers,
    ``add_loss``), constraints, and ``trainable`` are respected.

    **Requirements for the network.** A functional, sequential or subclassed Keras model with one
    input and one output, the probability of each class, for example by a softmax. The embedding is
    the output of a layer named "embedding" or, without such a layer, the input of the last dense
    layer.

    **Initial weights.** Each `fit` draws new weights with the initializers of the layers. Frozen
    weights, weights set after building, and weights drawn by a function start as they were built,
    so a frozen or pretrained body keeps its weights. A network function must build new layers at
    every call: two classifiers cannot train the same layers.

    **Precision.** Networks compute in the types of Keras's policy
    (``keras.config.set_dtype_policy("mixed_float16")``), :class:`DenseNet` in 64 bits.
    Probabilities and embeddings have at least 32 bits.

    With labels of a single class there is no training, and that class gets probability 1, unless
    `classes` has more.

    Examples
    --------
    >>> from skal.audio import LogMelSpectrogram
    >>> from skal.datasets import make_sounds
    >>> from skal.models import CNNClassifier, CompactCNN
    >>> sounds = make_sounds(60, 2, random_state=0)
    >>> X = LogMelSpectrogram(sr=8000, n_mels=20).transform(sounds.data)
    >>> network = CompactCNN(filters=(8, 16), n_embedding=16)
    >>> model = CNNClassifier(network, steps=30, random_state=0).fit(X[:40], sounds.target[:40])
    >>> model.predict_proba(X[40:]).shape, model.score(X[40:], sounds.target[40:]) > 0.8
    ((20, 2), True)
    """

    _objects = {
        "network": "CompactCNN({0}=...) for spectrograms, DenseNet({0}=...) for rows of features",
        "augmentation": "SpectrogramAugmentation({}=...)",
    }

    _parameter_constraints = {
        "network": [None, callable],
        "steps": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "epochs": [None, Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "optimizer": [StrOptions({"adamw", "adam", "sgd", "rmsprop"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "augmentation": [None, SpectrogramAugmentation, StrOptions({"auto"})],
        "class_weight": [None, dict, StrOptions({"balanced"})],
        "classes": [None, "array-like"],
        "warm_start": ["boolean"],
        "warm_steps": [Interval(Real, 0, None, closed="left")],
        "pretrained": [None, str, os.PathLike, HasMethods("predict")],
        "validation_fraction": [None, Interval(Real, 0, 1, closed="neither")],
        "engine": [StrOptions({"keras", "tensorflow"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        network=None,
        *,
        steps="auto",
        epochs=None,
        batch_size="auto",
        optimizer="adamw",
        learning_rate="auto",
        weight_decay=0.1,
        label_smoothing=0.05,
        augmentation="auto",
        class_weight=None,
        classes=None,
        warm_start=False,
        warm_steps=0.5,
        pretrained=None,
        validation_fraction=None,
        engine="tensorflow",
        random_state=None,
        verbose=0,
    ):
        self.network = network
        self.steps = steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.augmentation = augmentation
        self.class_weight = class_weight
        self.classes = classes
        self.warm_start = warm_start
        self.warm_steps = warm_steps
        self.pretrained = pretrained
        self.validation_fraction = validation_fraction
        self.engine = engine
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, can_validate=None, groups=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of features, spectrograms of shape (bands, frames) or (bands, frames,
            channels), or segments of them, (segments, bands, frames, channels).
        y : array-like of shape (n_samples,)
            Labels: numbers, strings or booleans.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        can_validate : array-like of bool of shape (n_samples,), default=None
            Samples that `validation_fraction` may hold out; None: all. Exclude pseudo-labels, for
            example.
        groups : array-like of shape (n_samples,), default=None
            Recording or speaker of each sample: `validation_fraction` holds out whole groups.

        Returns
        -------
        CNNClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If the network cannot be trained as a classifier, or `class_weight` names a class
            that is neither in y nor in `classes`.
        FloatingPointError
            If the loss becomes infinite or not a number. The classifier is then not fitted.
        """
        X, y = validate_data(self, X, y, dtype="numeric", allow_nd=True)
        classes = resolve_classes(y, self.classes)
        check_class_weight(self.class_weight, classes)
        weights, rows = combine_weights(y, self.class_weight, sample_weight)
        if len(rows) < len(y):
            X = X[rows]
        about_rows = [
            None if given is None else column_or_1d(given)[rows]
            for given in (can_validate, groups)
        ]
        codes = encode_labels(y[rows], classes)
        random_state = check_random_state(self.random_state)
        warm = self._prepare(X, classes, weights, random_state)
        X, best = self._as_input(X), None
        train, held_out = hold_out(codes, self.validation_fraction or 0, random_state, *about_rows)
        if len(held_out):
            best = BestWeights(self._engine, X[held_out], codes[held_out])
            X, codes, weights = X[train], codes[train], weights[train]
            weights = weights / weights.mean()
        targets = smooth_targets(codes, len(classes), self.label_smoothing)
        self._train(X, targets, weights, random_state, warm, best)
        return self

    def fit_normalization(self, X):
        """Learn the normalization from unlabeled samples.

        Every later `fit` from scratch uses this normalization instead of the statistics of its few
        labeled samples. A campaign calls it once with its pool. :func:`sklearn.base.clone` drops
        it.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, as for `fit`.

        Returns
        -------
        CNNClassifier
            The classifier itself, still unfitted.
        """
        X = check_array(X, dtype="numeric", allow_nd=True)
        X = X.reshape(len(X), *_input_shape(X.shape))
        self._pool_statistics = channel_statistics(X, np.ones(len(X)))
        return self

    def _build_for(self, X, n_classes):
        """Build the network that `fit` would train for samples like X."""
        from skal.models.engine.building import build_model

        network = copy_part(suit_network(self.network, X.ndim))
        parts = network, _input_shape(X.shape), n_classes, self.optimizer, self.weight_decay
        return build_model(*parts)[0]

    def _prepare(self, X, classes, weights, random_state):
        """Reuse the engine if it matches, else build one; return whether its weights are kept."""
        shape = _input_shape(X.shape)
        network = suit_network(self.network, X.ndim)
        augmentation = self.augmentation
        if isinstance(augmentation, str):
            augmentation = None if X.ndim == 2 else SpectrogramAugmentation()
        spec = EngineSpec.of(network, shape, len(classes), augmentation, self)
        warm = self.warm_start and self._goes_on(spec, classes)
        if getattr(self, "_spec", None) != spec:
            self._saved = self._take_weights() if warm else None
            self._spec, self._engine = spec, None
            self.network_ = copy_part(network)
            self._augmentation = copy_part(augmentation)
        self.classes_, self._sample_shape, self._shape = classes, X.shape[1:], shape
        engine = self._ready_engine()
        if not warm:
            self._mean, self._variance = self._learn_statistics(self._as_input(X), weights)
            engine.normalize(self._mean, self._variance)
            engine.reset(random_state)
            if self.pretrained is not None:
                given = self._start_pretrained(engine, classes)
                self._mean, self._variance = given or (self._mean, self._variance)
        return warm

    def _goes_on(self, spec, classes):
        """Return whether the present weights belong to the same network, samples, and classes."""
        # A new optimizer or augmentation needs a new engine, but keeps the weights.
        if not hasattr(self, "n_steps_") or (self._engine is None and self._saved is None):
            return False
        return self._spec.shares_weights(spec) and np.array_equal(self.classes_, classes)

    def _take_weights(self):
        return self._saved if self._engine is None else self._engine.model.get_weights()

    def _learn_statistics(self, X, weights):
        """Return mean and variance of each channel, from the pool if it is known."""
        known = getattr(self, "_pool_statistics", None)
        if known is None:
            return channel_statistics(X, weights)
        if len(known[0]) != X.shape[-1]:
            raise ValueError(
                f"X has {X.shape[-1]} channels, but the samples given to fit_normalization had "
                f"{len(known[0])}; give it samples like X, or fit a clone"
            )
        return known

    def _train(self, X, targets, weights, random_state, warm, best):
        """Train the engine and record the losses."""
        automatic = 256 if X.ndim == 2 else getattr(self.network_, "default_batch_size", 32)
        batch_size = automatic if self.batch_size == "auto" else self.batch_size
        n_steps = self._count_steps(len(X), batch_size)
        if warm:
            n_steps = int(np.ceil(self.warm_steps * n_steps))
        # Not fitted until the training ends: its weights are unfinished.
        vars(self).pop("n_steps_", None)
        losses = self._engine.train(
            X,
            targets,
            weights,
            n_steps=n_steps,
            batch_size=batch_size,
            learning_rate=self._highest_rate(),
            random_state=random_state,
            mean=self._mean,
            scale=np.sqrt(self._variance),
        )
        if best is not None:
            losses = best.watch(losses, n_steps)
        if self.verbose:
            from skal.models.engine.training.progress_bar import show_progress

            losses = show_progress(losses, n_steps)
        self.loss_curve_ = np.concatenate([np.empty(0, dtype=np.float32), *losses])
        seen = best is not None and len(best.scores) > 0
        self.validation_curve_ = np.array(best.scores) if seen else None
        self.validation_score_ = best.best[1] if seen else None
        self.n_steps_ = n_steps

    def _highest_rate(self):
        if self.learning_rate == "auto":
            return getattr(self.network_, "default_learning_rate", 2e-3)
        return self.learning_rate

    def _count_steps(self, n_samples, batch_size):
        if len(self.classes_) == 1:
            return 0
        if self.epochs is not None:
            return self.epochs * int(np.ceil(n_samples / batch_size))
        return automatic_steps(n_samples) if self.steps == "auto" else self.steps

    def _ready_engine(self):
        """Return the engine, built again after unpickling."""
        if self._engine is None:
            from skal.models.engine.engine import make_engine

            self._engine = make_engine(self._spec, self.network_, self._augmentation)
            if self._saved is not None:
                self._engine.model.set_weights(self._saved)
                self._saved = None
        return self._engine

    def _validate(self, X):
        """Check samples for prediction, and reshape them for the network."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype="numeric", allow_nd=True, reset=False)
        if X.shape[1:] != self._sample_shape:
            raise ValueError(
                f"X has samples of shape {X.shape[1:]}, but {type(self).__name__} was fitted on "
                f"samples of shape {self._sample_shape}"
            )
        return self._as_input(X)

    def _as_input(self, X):
        return X.reshape(len(X), *self._shape)

    def get_weights(self):
        """Copy the weights of the network, including the normalization.

        Returns
        -------
        list of ndarray
            Weights, for :meth:`set_weights`.
        """
        check_is_fitted(self)
        return self._ready_engine().model.get_weights()

    def set_weights(self, weights):
        """Restore weights of the network.

        Parameters
        ----------
        weights : list of ndarray
            From :meth:`get_weights` of this classifier, or a classifier with the same network,
            shape and number of classes.
        """
        check_is_fitted(self)
        self._ready_engine().model.set_weights(weights)

    def shrink_perturb(self, shrink=0.5, noise=0.01):
        """Shrink the weights towards zero and add noise, before a fit with ``warm_start``.

        Every trainable weight becomes `shrink` times itself plus `noise` times a new random
        weight. Statistics of batch normalizations stay: training updates them within its first
        steps.

        Parameters
        ----------
        shrink : float, default=0.5
            Factor of the weights.
        noise : float, default=0.01
            Factor of the fresh weights.

        Returns
        -------
        CNNClassifier
            The classifier.

        References
        ----------
        Ash and Adams, On warm-starting neural network training, NeurIPS 2020, section 4.
        """
        check_is_fitted(self)
        # The plain seed would draw the initial weights of the last fit, so use another stream.
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        self._ready_engine().shrink_perturb(shrink, noise, np.random.RandomState(seed))
        return self

    def __getstate__(self):
        """Pickle the weights instead of the compiled network."""
        state = super().__getstate__().copy()
        state.pop("_donor", None)
        engine = state.get("_engine")
        if engine is not None:
            state["_engine"], state["_saved"] = None, engine.model.get_weights()
        return state

    def __setstate__(self, state):
        """Unpickle, including versions without the parameter `engine`."""
        super().__setstate__({"engine": "keras"} | vars(self) | state)
        if vars(self).pop("_key", None) is not None:
            fitted = self.network_, self._shape, len(self.classes_), self._augmentation
            self._spec = EngineSpec.of(*fitted, self)

    def __sklearn_is_fitted__(self):
        """Return whether the network has been trained."""
        return hasattr(self, "n_steps_")


def _input_shape(shape):
    """Shape of one sample for the network: spectrograms have a channel axis."""
    return (*shape[1:], 1) if len(shape) == 3 else tuple(shape[1:])
