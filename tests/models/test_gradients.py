"""Gradient lengths against gradients taken one example and one class at a time."""

import numpy as np
import pytest
from sklearn.base import clone

from skal.models import CNNClassifier, CompactCNN, DenseNet


def one_by_one(classifier, X):
    """Take every gradient alone, with TensorFlow's own tape."""
    from skal.models._backend import tf

    model = classifier._engine.model
    lengths = []
    for sample in X.reshape(len(X), 1, *classifier._shape):
        p = model(sample, training=False).numpy()[0]
        total = 0.0
        for label, probability in enumerate(p):
            with tf.GradientTape() as tape:
                loss = -tf.math.log(model(sample, training=False)[0, label])
            weights = [weight.value for weight in model.trainable_variables]
            gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
            total += probability * np.sqrt(sum(float(tf.reduce_sum(g**2)) for g in gradients))
        lengths.append(total)
    return np.array(lengths)


def network_with_other_layers(meta, compile_kwargs):
    """Build a network with a layer that has no closed form here."""
    from skal.models._backend import keras

    model = keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="tanh"),
            keras.layers.LayerNormalization(),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )
    model.compile(**compile_kwargs)
    return model


def network_of_the_usual_kind(meta, compile_kwargs):
    """Build a network whose layers have activations, some nested and one of them frozen."""
    from skal.models._backend import keras

    k = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((10, 4)),
            k.Conv1D(3, 3, strides=2, padding="same", activation="tanh"),
            k.Flatten(),
        ]
    )
    x = keras.Input(meta["X_shape_"][1:])
    y = k.Conv2D(4, (4, 3), dilation_rate=(1, 2), activation="relu")(x)
    y = k.MaxPooling2D((13, 1))(y)
    y = inner(k.Reshape((10, 4))(y))
    frozen = k.Dense(6, activation="tanh", trainable=False)(y)
    y = k.Dense(meta["n_classes_"], activation="softmax")(frozen)
    model = keras.Model(x, y)
    model.compile(**compile_kwargs)
    return model


def network_with_a_shared_layer(meta, compile_kwargs):
    """Build a network that uses a layer and a normalization three times."""
    from skal.models._backend import keras

    k = keras.layers
    shared, normalized = k.Dense(5, activation="tanh"), k.BatchNormalization()
    x = keras.Input(meta["X_shape_"][1:])
    y = k.Dense(5)(k.Flatten()(x))
    for _ in range(3):
        y = normalized(shared(y))
    model = keras.Model(x, k.Dense(meta["n_classes_"], activation="softmax")(y))
    model.compile(**compile_kwargs)
    return model


def network_with_an_idle_weight(meta, compile_kwargs):
    """Build a network with a weight that nothing is computed from."""
    from skal.models._backend import keras

    class Idle(keras.layers.Dense):
        def call(self, x):
            return keras.ops.matmul(x, self.kernel)

    model = keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Flatten(),
            Idle(5),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )
    model.compile(**compile_kwargs)
    return model


@pytest.mark.parametrize(
    "network",
    [
        CompactCNN(filters=(3, 4), n_embedding=5, n_members=1),
        CompactCNN(filters=(3, 4), n_embedding=5, n_members=2),
        pytest.param(
            CompactCNN(filters=(4, 8, 8), n_embedding=6, head="pool", n_members=1),
            marks=pytest.mark.slow,
        ),
        DenseNet(units=(5, 4)),
        network_of_the_usual_kind,
        network_with_a_shared_layer,
        network_with_other_layers,
        pytest.param(
            network_with_an_idle_weight,
            marks=pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning"),
        ),
    ],
)
def test_equal_to_gradients_one_by_one(network):
    rng = np.random.RandomState(0)
    shape = (12, 7) if isinstance(network, DenseNet) else (12, 16, 14)
    X, y = rng.normal(size=shape), np.arange(12) % 3
    network = clone(network) if hasattr(network, "get_params") else network
    classifier = CNNClassifier(network, steps=4, random_state=0).fit(X, y)
    lengths = classifier.gradient_length(X)
    np.testing.assert_allclose(lengths[:3], one_by_one(classifier, X[:3]), rtol=1e-4)
    others = (network_with_other_layers, network_with_an_idle_weight)
    assert classifier._engine.gradient_length._known == (network not in others)


def test_equal_to_finite_differences():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(6, 3)), np.arange(6) % 2
    classifier = CNNClassifier(DenseNet(units=(4,)), steps=10, random_state=0).fit(X, y)
    lengths, weights = classifier.gradient_length(X), classifier.get_weights()
    P, step = classifier.predict_proba(X), 1e-6
    squares = np.zeros_like(P)
    # The first two arrays are the statistics of the normalization.
    for array in weights[2:]:
        for place in np.ndindex(array.shape):
            losses = []
            for sign in (1, -1):
                array[place] += sign * step
                classifier.set_weights(weights)
                losses.append(-np.log(classifier.predict_proba(X)))
                array[place] -= sign * step
            squares += ((losses[0] - losses[1]) / (2 * step)) ** 2
    np.testing.assert_allclose(lengths, (P * np.sqrt(squares)).sum(axis=1), rtol=1e-5)
