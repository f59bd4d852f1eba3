"""Networks that users write in Keras: what Keras can build, both engines train."""

import functools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skal.audio import LogMelSpectrogram
from skal.datasets import make_sounds
from skal.models import CNNClassifier, CompactCNN, DenseNet
from skal.models._backend import keras, tf
from skal.models.recipe import cosine_schedule

ENGINES = [functools.partial(CNNClassifier, engine=name) for name in ("keras", "tensorflow")]
each_engine = pytest.mark.parametrize("engine", ENGINES, ids=["keras", "tensorflow"])
layers = keras.layers


def bands_sounds(random_state=0):
    """Make spectrograms whose class is the band that is loud."""
    rng = np.random.RandomState(random_state)
    y = np.arange(48) % 3
    X = rng.normal(size=(48, 12, 10, 1)).astype(np.float32)
    for i, label in enumerate(y):
        X[i, 4 * label : 4 * label + 3] += 3
    return X, np.array(["dog", "rain", "wind"])[y]


def points(n_features=6):
    """Make rows of features of two classes."""
    X = np.random.RandomState(0).normal(size=(40, n_features)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


class Scaled(layers.Layer):
    """A layer that says nowhere how its weights are drawn."""

    def build(self, shape):
        """Make the weights."""
        self.factor = self.add_weight(shape=(shape[-1],), initializer="he_normal")
        self.shift = self.add_weight(shape=(shape[-1], 1))

    def call(self, x):
        """Scale a batch."""
        return x * self.factor + self.shift[:, 0]


class Subclassed(keras.Model):
    """A model that Keras knows no graph of."""

    def __init__(self, n_classes):
        super().__init__()
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(7, activation="relu")
        self.drop = layers.Dropout(0.1)
        self.head = layers.Dense(n_classes, activation="softmax")

    def call(self, x, training=False):
        """Apply the network."""
        return self.head(self.drop(self.hidden(self.flatten(x)), training=training))


def functional(body):
    """Make a network function of what comes between input and last layer."""

    def network(meta):
        x = keras.Input(meta["X_shape_"][1:])
        head = layers.Dense(meta["n_classes_"], activation="softmax")
        return keras.Model(x, head(body(x)))

    return network


def frames(x):
    """Turn spectrograms into sequences of frames."""
    return layers.Permute((2, 1))(layers.Reshape((12, 10))(x))


def attention(x):
    x = layers.Dense(8)(frames(x))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x))
    return layers.GlobalAveragePooling1D()(x)


def states(x):
    _, hidden, cell = layers.LSTM(6, return_state=True)(frames(x))
    return layers.Concatenate()([hidden, cell])


def in_turn(*makers):
    """Make a network function of layers one after another."""

    def body(x):
        for make in makers:
            x = make()(x)
        return layers.Flatten()(x)

    return functional(body)


def without_input(meta):
    head = layers.Dense(meta["n_classes_"], activation="softmax")
    return keras.Sequential([layers.Flatten(), layers.Dense(5, activation="relu"), head])


class CallableObject:
    """An object that builds, where SciKeras would want a function."""

    def __call__(self, meta, compile_kwargs):
        """Build and compile."""
        model = without_input(meta)
        model.build((None, *meta["X_shape_"][1:]))
        model.compile(**compile_kwargs)
        return model


QUICK = {
    "custom": in_turn(lambda: layers.Flatten(), Scaled),
    "subclassed": lambda meta: Subclassed(meta["n_classes_"]),
    "without_input": without_input,
}
SLOW = {
    "attention": functional(attention),
    "augmenting": in_turn(
        lambda: layers.RandomFlip("horizontal"),
        lambda: layers.RandomTranslation(0.1, 0.1),
        lambda: layers.GaussianNoise(0.1),
    ),
    "bidirectional": functional(lambda x: layers.Bidirectional(layers.GRU(4))(frames(x))),
    "callable": CallableObject(),
    "conv1d": functional(
        lambda x: layers.GlobalMaxPooling1D()(layers.Conv1D(6, 3, activation="relu")(frames(x)))
    ),
    "lstm": functional(lambda x: layers.LSTM(6, dropout=0.1)(frames(x))),
    "nested": in_turn(
        lambda: keras.Sequential([layers.Flatten(), layers.Dense(6), layers.Dropout(0.2)])
    ),
    "normalized": in_turn(
        layers.BatchNormalization, lambda: layers.Conv2D(3, 3), layers.LayerNormalization
    ),
    "separable": in_turn(
        lambda: layers.SeparableConv2D(4, 3), lambda: layers.DepthwiseConv2D(3), layers.PReLU
    ),
    "spectral": in_turn(
        lambda: layers.Flatten(), lambda: layers.SpectralNormalization(layers.Dense(8))
    ),
    "states": functional(states),
}


@each_engine
@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_what_keras_can_build_is_trained(engine, name):
    X, y = bands_sounds()
    network = {**QUICK, **SLOW}[name]
    classifier = engine(network, steps=40, learning_rate=0.02, random_state=0).fit(X, y)
    assert classifier.score(X, y) > 0.9
    P, built = classifier.predict_proba(X), classifier._engine
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(classifier.fit(X, y).predict_proba(X), P)
    assert classifier._engine is built
    assert built.training.n_traces == built.forward.n_traces == 1
    fresh = clone(classifier).fit(X, y)
    np.testing.assert_allclose(fresh.predict_proba(X), P, rtol=1e-3, atol=1e-5)
    drawn = [
        classifier.set_params(steps=0, random_state=seed).fit(X, y).get_weights()
        for seed in (0, 1)
    ]
    for variable, first, second in zip(built.model.weights, *drawn, strict=True):
        if np.ptp(first) > 0 and variable.name != "bias":
            assert not np.array_equal(first, second), variable.path


@each_engine
@pytest.mark.slow
def test_a_crnn_learns_from_sounds(engine):
    def crnn(meta):
        x = inputs = keras.Input(meta["X_shape_"][1:])
        for n_filters in (8, 16):
            x = layers.Conv2D(n_filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D(2)(x)
        x = layers.Permute((2, 1, 3))(x)
        x = layers.Reshape((x.shape[1], -1))(x)
        x = layers.Bidirectional(layers.LSTM(12))(x)
        return keras.Model(inputs, layers.Dense(meta["n_classes_"], activation="softmax")(x))

    sounds = make_sounds(120, 3, duration=0.4, random_state=0)
    X = LogMelSpectrogram(sr=8000, n_fft=256, hop_length=200, n_mels=16).transform(sounds.data)
    y = sounds.target_names[sounds.target]
    classifier = engine(crnn, steps=150, learning_rate=5e-3, random_state=0).fit(X[:80], y[:80])
    assert classifier.score(X[80:], y[80:]) > 0.8


@each_engine
@pytest.mark.slow
def test_a_frozen_application_keeps_the_weights_it_was_given(engine):
    given = []

    def network(meta):
        body = keras.applications.MobileNet(
            input_shape=(32, 32, 3), alpha=0.25, include_top=False, weights=None, pooling="avg"
        )
        rng = np.random.RandomState(0)
        given[:] = [w + 0.1 * np.abs(rng.normal(size=w.shape)) for w in body.get_weights()]
        body.set_weights(given)
        body.trainable = False
        x = inputs = keras.Input(meta["X_shape_"][1:])
        x = layers.Concatenate()([layers.Resizing(32, 32)(x)] * 3)
        head = layers.Dense(meta["n_classes_"], activation="softmax")
        return keras.Model(inputs, head(body(x, training=False)))

    X, y = bands_sounds()
    classifier = engine(network, steps=4, random_state=0).fit(X, y)
    for _ in range(2):
        weights = classifier.get_weights()
        for wanted, weight in zip(given, weights, strict=False):
            np.testing.assert_array_equal(weight, wanted.astype(np.float32))
        # Not even what a caller sets stays for the next fit.
        classifier.set_weights([np.zeros_like(weight) for weight in weights])
        classifier.fit(X, y)


@each_engine
@pytest.mark.parametrize("trainable", [True, False])
def test_weights_that_the_function_sets_are_where_every_fit_begins(engine, trainable):
    X, y = points()

    def network(meta):
        x = keras.Input((6,))
        hidden = layers.Dense(6, name="given", trainable=trainable)
        model = keras.Model(x, layers.Dense(2, activation="softmax")(hidden(x)))
        hidden.set_weights([3 * np.eye(6), np.full(6, 0.5)])
        return model

    classifier = engine(network, steps=20, random_state=0).fit(X, y)
    trained = classifier.get_weights()[0]
    assert np.array_equal(trained, 3 * np.eye(6)) != trainable
    for seed in (0, 1):
        classifier.set_params(steps=0, random_state=seed).fit(X, y)
        kernel, bias, head, _ = classifier.get_weights()
        np.testing.assert_array_equal(kernel, 3 * np.eye(6))
        np.testing.assert_array_equal(bias, np.full(6, 0.5))
        if seed == 0:
            first = head
    assert not np.array_equal(head, first)
    classifier.shrink_perturb(0.5, 0.0)
    shrunk = np.eye(6) * (1.5 if trainable else 3)
    np.testing.assert_array_equal(classifier.get_weights()[0], shrunk)


@each_engine
def test_functions_may_draw_weights(engine):
    X, y = points()

    def from_keras(shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype)

    def from_numpy(shape, dtype=None):
        return np.random.normal(size=shape).astype(dtype)  # noqa: NPY002

    def network(meta):
        first = layers.Dense(4, kernel_initializer=from_keras, bias_initializer=from_numpy)
        return keras.Sequential([keras.Input((6,)), first, layers.Dense(2, activation="softmax")])

    state = np.random.get_state()[1].copy()  # noqa: NPY002
    classifier = engine(network, steps=0, random_state=0).fit(X, y)
    weights = classifier.get_weights()
    assert weights[0].std() > 0.3 and weights[1].std() > 0.1
    again = clone(classifier).fit(X, y)
    for ours, theirs in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


class Added(layers.Layer):
    """A layer that adds a loss of its own."""

    def call(self, x):
        """Add the loss and hand on the batch."""
        self.add_loss(0.3 * keras.ops.mean(keras.ops.square(x)))
        return x


def penalized(meta):
    x = keras.Input((6,))
    y = layers.Dense(5, activity_regularizer=keras.regularizers.L2(0.02), name="hidden")(x)
    y = layers.BatchNormalization(activity_regularizer=keras.regularizers.L1(0.01))(Added()(y))
    head = layers.Dense(2, kernel_regularizer="l2", activation="softmax")
    model = keras.Model(x, head(layers.Dense(4, kernel_constraint="non_neg")(y)))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


@each_engine
def test_a_step_is_the_step_of_keras_with_all_losses_and_constraints(engine):
    X, y = points()
    classifier = engine(
        penalized,
        steps=0,
        batch_size=40,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.0,
        label_smoothing=0.0,
        random_state=0,
    )
    weights = classifier.fit(X, y).get_weights()
    classifier.set_params(steps=1).fit(X, y)
    model = penalized(None)
    rate = float(cosine_schedule(1, 0.1)[0])
    model.compile(keras.optimizers.SGD(rate), "categorical_crossentropy")
    model.set_weights(weights)
    loss = np.ravel(model.train_on_batch(X, np.eye(2)[y]))[0]
    assert classifier.loss_curve_[0] == pytest.approx(loss, rel=1e-5)
    for ours, theirs in zip(classifier.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_spectral_normalization_holds_in_prediction():
    X, y = bands_sounds()
    for engine in ENGINES:
        classifier = engine(SLOW["spectral"], steps=60, learning_rate=1e-3, random_state=0)
        kernel = classifier.fit(X, y)._engine.model.layers[2].layer.kernel.numpy()
        assert np.linalg.norm(kernel, 2) == pytest.approx(1, abs=0.1)


@each_engine
@pytest.mark.parametrize(
    "policy",
    [
        "mixed_float16",
        *(pytest.param(p, marks=pytest.mark.slow) for p in ("mixed_bfloat16", "float64")),
    ],
)
@pytest.mark.parametrize(
    "network",
    [CompactCNN(filters=(4, 8), n_embedding=8, n_members=1), QUICK["custom"]],
    ids=["skal", "own"],
)
def test_policies_of_keras(engine, policy, network):
    X, y = bands_sounds()
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        classifier = engine(network, steps=60, learning_rate=0.01, random_state=0).fit(X, y)
        kinds = {layer.compute_dtype for layer in classifier._engine.model.layers}
        P, Z = classifier.predict_proba_embed(X)
    finally:
        keras.config.set_dtype_policy(kept)
    assert policy.removeprefix("mixed_") in kinds
    assert np.isfinite(classifier.loss_curve_).all()
    assert P.dtype == Z.dtype == ("float64" if policy == "float64" else "float32")
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-6)
    assert classifier.score(X, y) > 0.9
    assert classifier.loss_curve_[-5:].mean() < 0.8


def test_a_step_whose_gradient_overflows_is_left_out():
    from skal.models.engine.training.precision import FIRST, GROWTH, LossScale

    scale, seen = LossScale(), []
    one = tf.constant(1.0)
    assert scale.scale(one) == FIRST
    scale.apply([tf.constant([FIRST, np.inf])], seen.append)
    assert seen == [] and scale.scale(one) == FIRST / 2
    for _ in range(GROWTH):
        scale.apply([tf.constant([FIRST, 0.0])], lambda given: seen.append(given[0].numpy()))
    np.testing.assert_array_equal(seen[0], [2, 0])
    assert len(seen) == GROWTH and scale.scale(one) == FIRST
    scale.begin()
    assert scale.scale(one) == FIRST


@each_engine
def test_a_loss_that_is_no_number_is_an_error(engine):
    X, y = points()
    classifier = engine(DenseNet(units=(8,)), steps=60, learning_rate=0.01, random_state=0)
    P = classifier.fit(X, y).predict_proba(X)
    classifier.set_params(learning_rate=1e30, optimizer="sgd", warm_start=True)
    with pytest.raises(FloatingPointError, match=r"in step \d+ of 30: lower learning_rate"):
        classifier.fit(X, y)
    with pytest.raises(ValueError, match="not fitted"):
        check_is_fitted(classifier)
    # The next fit begins afresh, not from the weights that went astray.
    classifier.set_params(learning_rate=0.01, optimizer="adamw").fit(X, y)
    np.testing.assert_allclose(classifier.predict_proba(X), P, rtol=1e-6)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (lambda: layers.Dense(2), r"has the activation linear: end .* Dense\(2, activation='soft"),
        (lambda: layers.Dense(2, activation="sigmoid"), "has the activation sigmoid"),
        (lambda: layers.Dense(2, activation="relu"), "sum to 1 over the classes"),
        (lambda: layers.Dense(1, activation="sigmoid"), r"2 classes, but its output has shape"),
        (lambda: layers.Dense(5, activation="softmax"), r"name all classes with classes="),
        (lambda: layers.Lambda(lambda x: x - 0.5), "sum to 1"),
    ],
)
def test_outputs_that_are_no_probabilities_are_refused(head, message):
    X, y = points(2)
    with pytest.raises(ValueError, match=message):
        CNNClassifier(lambda meta: keras.Sequential([keras.Input((2,)), head()])).fit(X, y)


def two_inputs(meta):
    a, b = keras.Input((6,)), keras.Input((6,))
    return keras.Model([a, b], layers.Dense(2, activation="softmax")(a + b))


def two_outputs(meta):
    x = keras.Input((6,))
    return keras.Model(x, [layers.Dense(2, activation="softmax")(x) for _ in range(2)])


def fixed_batch(meta):
    x = keras.Input(batch_shape=(8, 6))
    return keras.Model(x, layers.Dense(2, activation="softmax")(x))


def other_shape(meta):
    x = keras.Input((5,))
    return keras.Model(x, layers.Dense(2, activation="softmax")(x))


def frozen(meta):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(2, activation="softmax")])
    model.trainable = False
    return model


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (two_inputs, "takes 2 inputs, but X is one array"),
        (two_outputs, "has 2 outputs"),
        (fixed_batch, "batches of 8 samples only"),
        (other_shape, r"samples of shape \(5,\), but those of X have shape \(6,\)"),
        (frozen, "no trainable weights"),
    ],
)
def test_networks_that_cannot_be_trained_are_refused(network, message):
    with pytest.raises(ValueError, match=message):
        CNNClassifier(network).fit(*points())


def test_layers_that_another_classifier_trains_are_refused():
    X, y = points()
    shared, frozen = layers.Dense(4), layers.Dense(4, trainable=False)

    def network(meta):
        x = keras.Input((6,))
        hidden = layers.Concatenate()([frozen(x), shared(x) if meta["n_classes_"] == 2 else x])
        return keras.Model(x, layers.Dense(meta["n_classes_"], activation="softmax")(hidden))

    CNNClassifier(network, steps=1).fit(X, y).fit(X, y)
    with pytest.raises(ValueError, match="another classifier already trains these weights"):
        CNNClassifier(network, steps=1).fit(X, y)
    # Frozen layers may be shared: nobody trains them.
    for _ in range(2):
        CNNClassifier(network, steps=1).fit(X, np.arange(len(X)) % 3)


def test_the_model_that_is_given_stays_as_it_is():
    X, y = points()
    model = keras.Sequential([keras.Input((6,)), layers.Dense(2, activation="softmax")])
    weights = model.get_weights()
    classifier = CNNClassifier(model, steps=5, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])
    assert not np.array_equal(classifier.get_weights()[0], weights[0])
    classifier.set_params(steps=0).fit(X, y)
    np.testing.assert_array_equal(classifier.get_weights()[0], weights[0])


def test_another_loss_is_not_trained_with_and_says_so():
    def network(meta):
        model = keras.Sequential([keras.Input((6,)), layers.Dense(2, activation="softmax")])
        model.compile("adam", keras.losses.MeanSquaredError())
        return model

    with pytest.warns(UserWarning, match="loss mean_squared_error, but skal trains with"):
        CNNClassifier(network, steps=1).fit(*points())


@each_engine
def test_integers_go_in_as_they_are(engine):
    rng = np.random.RandomState(0)
    y = np.arange(60) % 2
    X = np.where(rng.rand(60, 5) < 0.5, rng.randint(2, 20, size=(60, 5)), y[:, None])

    def network(meta):
        x = keras.Input((5,), dtype="int32")
        hidden = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4, mask_zero=False)(x))
        return keras.Model(x, layers.Dense(2, activation="softmax")(hidden))

    classifier = engine(network, steps=80, learning_rate=0.05, random_state=0).fit(X, y)
    assert classifier.score(X, y) > 0.9


def test_spectrograms_without_a_channel_axis_suit_recurrent_networks():
    X, y = bands_sounds()

    def network(meta):
        x = keras.Input((None, 10))
        return keras.Model(x, layers.Dense(3, activation="softmax")(layers.GRU(5)(x)))

    classifier = CNNClassifier(network, steps=10, random_state=0).fit(X[..., 0], y)
    assert classifier.embed(X[..., 0]).shape == (48, 5)
    assert np.abs(classifier.augment(X[..., 0], random_state=0) - X[..., 0]).max() > 0.1
