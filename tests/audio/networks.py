"""Small networks in files, with the signatures of published ones, for the tests of embeddings."""

import warnings

import numpy as np

RATE, SAMPLES, WIDTH = 8000, 4000, 6


def keras_network(activation="tanh", seed=0):
    """Return a network from half a second at 8 kHz to six numbers; a layer "inner" gives ten."""
    import keras

    keras.utils.set_random_seed(seed)
    given = keras.Input((SAMPLES,))
    x = keras.layers.Reshape((40, 100))(given)
    x = keras.layers.Dense(16, activation="tanh", name="frames")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(10, activation="tanh", name="inner")(x)
    x = keras.layers.Dense(WIDTH, activation=activation, name="head")(x)
    model = keras.Model(given, x)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    return model


def by_hand(model, windows, upto="head", activation=np.tanh):
    """Return what the network gives, computed by NumPy."""
    weights = model.get_weights()
    x = np.asarray(windows, dtype=np.float64).reshape(len(windows), 40, 100)
    x = np.tanh(x @ weights[0] + weights[1]).mean(axis=1)
    x = np.tanh(x @ weights[2] + weights[3])
    return x if upto == "inner" else activation(x @ weights[4] + weights[5])


def write_all(folder, model):
    """Write a network in the four formats; return the paths by name."""
    import tensorflow as tf

    paths = {name: str(folder / f"net.{name}") for name in ("keras", "tflite", "onnx")}
    paths["savedmodel"] = str(folder / "saved")
    write_keras(paths["keras"], model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what TensorFlow itself thinks of its converter
        model.export(paths["savedmodel"], verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(paths["savedmodel"])
        (folder / "net.tflite").write_bytes(converter.convert())
    write_onnx(paths["onnx"], model)
    return paths


def write_keras(path, model):
    """Write a network as a .keras file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras copies as NumPy 1 did
        model.save(path)


def write_onnx(path, model, output="embedding", size="n", number="float32"):
    """Write the network as an ONNX file, node by node, for `size` windows at a time."""
    import onnx
    from onnx import helper, numpy_helper

    names = ["w1", "b1", "w2", "b2", "w3", "b3"]
    constants = [
        numpy_helper.from_array(w.astype(number), n)
        for w, n in zip(model.get_weights(), names, strict=True)
    ]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(number))
    constants.append(numpy_helper.from_array(np.array([-1, 40, 100]), "shape"))
    nodes = [
        helper.make_node("Reshape", ["wave", "shape"], ["x"]),
        helper.make_node("MatMul", ["x", "w1"], ["p1"]),
        helper.make_node("Add", ["p1", "b1"], ["s1"]),
        helper.make_node("Tanh", ["s1"], ["t1"]),
        helper.make_node("ReduceMean", ["t1"], ["m"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["m", "w2", "b2"], ["s2"]),
        helper.make_node("Tanh", ["s2"], ["inner"]),
        helper.make_node("Gemm", ["inner", "w3", "b3"], ["s3"]),
        helper.make_node("Tanh", ["s3"], [output]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("wave", kind, [size, SAMPLES])],
        [helper.make_tensor_value_info(output, kind, [size, WIDTH])],
        constants,
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def write_hub(folder, n_classes=5, width=12):
    """Write a SavedModel that is called like YAMNet: a waveform in, a tuple of frames out."""
    import tensorflow as tf

    rng = np.random.default_rng(1)
    matrix = tf.constant(rng.normal(size=(400, width)).astype("float32"))
    head = tf.constant(rng.normal(size=(width, n_classes)).astype("float32"))

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, waveform):
            frames = tf.signal.frame(waveform, 15600, 7680)
            parts = tf.reshape(frames, [-1, 39, 400])
            embeddings = tf.reduce_mean(tf.tanh(parts @ matrix), axis=1)
            return tf.sigmoid(embeddings @ head), embeddings, parts[:, 0]

    tf.saved_model.save(Net(), str(folder))
    return lambda y: _frames_by_hand(y, matrix.numpy())


def write_vggish(folder, width=128):
    """Write a SavedModel that is called like VGGish: a waveform in, a row every 0.96 s out."""
    import tensorflow as tf

    matrix = np.random.default_rng(5).normal(size=(400, width)).astype("float32")

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, waveform):
            frames = tf.signal.frame(waveform, 15600, 15360)
            return tf.reduce_mean(tf.tanh(tf.reshape(frames, [-1, 39, 400]) @ matrix), axis=1)

    tf.saved_model.save(Net(), str(folder))
    return lambda y: _frames_by_hand(y, matrix, 15360)


def write_speech_embedding(folder):
    """Write two ONNX files that are called like openWakeWord's: 76 frames of 32 bands between."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(6)
    bands = rng.normal(scale=1e-4, size=(32, 1, 640)).astype("float32")
    matrix = rng.normal(scale=0.02, size=(76 * 32, 96)).astype("float32")

    def save(name, nodes, given, result, constants):
        values = [
            helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
            for key, shape in (given, result)
        ]
        kept = [numpy_helper.from_array(np.asarray(v), key) for key, v in constants.items()]
        graph = helper.make_graph(nodes, name, values[:1], values[1:], kept)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.save(model, str(folder / f"{name}.onnx"))

    folder.mkdir()
    spectrum = [
        helper.make_node("Unsqueeze", ["input", "one"], ["x"]),
        helper.make_node("Conv", ["x", "bands"], ["y"], strides=[160]),
        helper.make_node("Transpose", ["y"], ["z"], perm=[0, 2, 1]),
        helper.make_node("Unsqueeze", ["z", "one"], ["output"]),
    ]
    shapes = ("input", ["n", "samples"]), ("output", ["n", 1, "frames", 32])
    save("melspectrogram", spectrum, *shapes, {"one": np.array([1]), "bands": bands})
    head = [
        helper.make_node("Flatten", ["input_1"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["product"]),
        helper.make_node("Tanh", ["product"], ["tanh"]),
        helper.make_node("Reshape", ["tanh", "shape"], ["conv2d_19"]),
    ]
    shapes = ("input_1", ["n", 76, 32, 1]), ("conv2d_19", ["n", 1, 1, 96])
    constants = {"matrix": matrix, "shape": np.array([-1, 1, 1, 96])}
    save("embedding_model", head, *shapes, constants)

    def expected(window):
        frames = np.stack([window[s : s + 640] for s in range(0, 12640 - 640 + 1, 160)])
        spectra = (32768 * frames) @ bands[:, 0].T / 10 + 2
        return np.tanh(spectra.reshape(-1) @ matrix)

    return expected


def _frames_by_hand(y, matrix, hop=7680):
    starts = range(0, len(y) - 15600 + 1, hop)
    parts = np.stack([y[s : s + 15600].reshape(39, 400) for s in starts])
    return np.tanh(parts @ matrix).mean(axis=1)


def write_perch(folder, with_infer, width=12):
    """Write a SavedModel that is called like Perch (`infer_tf`) or Perch 2 (a signature)."""
    import tensorflow as tf

    matrix = np.random.default_rng(2).normal(size=(400, width)).astype("float32")

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 160000], tf.float32, name="inputs")])
        def infer_tf(self, inputs):
            embedding = tf.reduce_mean(tf.tanh(tf.reshape(inputs, [-1, 400, 400]) @ matrix), 1)
            label = embedding[:, :5]
            return (label, embedding) if with_infer else {"embedding": embedding, "label": label}

    net = Net()
    concrete = net.infer_tf.get_concrete_function()
    if with_infer:
        tf.saved_model.save(net, str(folder))
    else:
        holder = tf.Module()
        tf.saved_model.save(holder, str(folder), signatures={"serving_default": concrete})

    def expected(window):
        window = window - window.mean()
        window = window * (0.25 / np.abs(window).max())
        return np.tanh(window.reshape(400, 400) @ matrix).mean(axis=0)

    return expected
