"""Keras files and TensorFlow's SavedModel."""

from skal._utils.private import constants_for_variables
from skal.audio.embedding._shapes import (
    choose,
    filled,
    fixed_samples,
    in_batches,
    names_scores,
    reading,
    rows_of_windows,
)

__all__ = ["KerasFile", "SavedModel"]


class KerasFile:
    """A .keras file."""

    def __init__(self, path, outputs, n_samples):
        import keras

        self.path = path
        with reading(path):
            model = keras.saving.load_model(path, compile=False)
        layers = {layer.name: layer for layer in model.layers}
        self.names = names = list(model.output_names)
        chosen = choose(outputs, names, layers, path)
        given = model.inputs
        if len(given) != 1:
            raise ValueError(f"{path} takes {len(given)} inputs, not one")
        inner = layers[chosen].output if isinstance(chosen, str) else model.outputs[chosen]
        self.output = chosen if isinstance(chosen, str) else names[chosen]
        self.shape = given[0].shape
        self.n_samples = fixed_samples(self.shape)
        self._function = _as_function(keras.Model(given[0], inner))
        last = getattr(model.layers[-1], "activation", None)
        is_scores = getattr(last, "__name__", "") in ("softmax", "sigmoid")
        self.scores = "its last layer is a softmax or sigmoid" if is_scores else None
        self.scores = None if outputs else self.scores

    def run(self, windows):
        """Return the embeddings of windows, an array of shape (n_windows, n_samples)."""
        given = windows.reshape(filled(self.shape, len(windows), windows.shape[1]))
        return rows_of_windows(self._function(given), len(windows), self.path)


def _as_function(model):
    """Compile a network: Keras's predict is slow for few windows."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, *model.inputs[0].shape[1:]], tf.float32)]
    return tf.function(lambda x: model(x, training=False), input_signature=signature)


class SavedModel:
    """The folder of a SavedModel: its default signature, or its call function."""

    def __init__(self, path, outputs, n_samples):
        import tensorflow as tf

        self.path = path
        with reading(path, tf.errors.OpError):
            self._model = model = tf.saved_model.load(path)
        signature = _signature(model)
        if signature is None or (hasattr(model, "infer_tf") and outputs):
            self._take_callable(model, outputs)
        else:
            self._take_signature(signature, outputs)

    def _take_signature(self, signature, outputs):
        (spec, *more) = signature.structured_input_signature[1].values()
        if more:
            raise ValueError(f"{self.path} takes {1 + len(more)} inputs, not one")
        self.names = names = sorted(signature.structured_outputs)
        frozen, inner = None, ()
        if outputs and not any(name in names or not isinstance(name, str) for name in outputs):
            frozen, inner = _inlined(signature)
        chosen = choose(outputs, names, inner, self.path)
        self._use(spec.shape.as_list(), names[chosen] if chosen not in inner else chosen)
        if chosen in inner:
            graph = frozen.graph
            tensor = graph.get_tensor_by_name(f"{chosen}:0")
            pruned = frozen.prune(graph.inputs[0], tensor)
            self._function = lambda x: pruned(self._constant(x))
        else:
            self._function = lambda x: signature(**{spec.name: self._constant(x)})[self.output]
        is_scores = not outputs and names_scores(self.output)
        self.scores = f"its output is named {self.output!r}" if is_scores else None

    def _take_callable(self, model, outputs):
        function = getattr(model, "infer_tf", model)
        if not callable(function):
            names = ", ".join(map(repr, getattr(model, "signatures", {}))) or "none"
            raise ValueError(
                f"{self.path} has no signature 'serving_default' (its signatures: {names}) and "
                "cannot be called: save it with one signature"
            )
        # Networks on TensorFlow Hub take one waveform or, like Perch, windows of one.
        rank = 2 if hasattr(model, "infer_tf") else _rank(function)
        self._use([None] * rank, None)
        self.scores, self.names = None, []

        def _take(x):
            given = function(self._constant(x))
            if hasattr(given, "keys"):
                names = sorted(given)
                return given[names[choose(outputs, names, (), self.path)]]
            given = list(given) if isinstance(given, (tuple, list)) else [given]
            names = [f"output_{i}" for i in range(len(given))]
            return given[choose(outputs, names, (), self.path)]

        self._function = _take

    def _use(self, shape, output):
        self.shape, self.output = shape, output
        self.n_samples = fixed_samples(shape)
        # A function that was saved without a signature may add a row for the batch as a whole.
        self._batch = 1 if len(shape) < 2 or output is None else shape[0]

    def _constant(self, x):
        import tensorflow as tf

        return tf.constant(x)

    def run(self, windows):
        """Return the embeddings of windows, an array of shape (n_windows, n_samples)."""
        return in_batches(self._run, windows, self._batch)

    def _run(self, windows):
        given = windows.reshape(filled(self.shape, len(windows), windows.shape[1]))
        return rows_of_windows(self._function(given), len(windows), self.path)


def _signature(model):
    """Return the default signature, or the only one."""
    signatures = getattr(model, "signatures", {})
    only = next(iter(signatures.values())) if len(signatures) == 1 else None
    return signatures.get("serving_default", only)


def _rank(function):
    """Return the number of axes that the first traced version of a function takes."""
    function = function if hasattr(function, "concrete_functions") else type(function).__call__
    concrete = getattr(function, "concrete_functions", ())
    ranks = [one.inputs[0].shape.rank for one in concrete if one.inputs]
    return next((rank for rank in ranks if rank), 1)


def _inlined(signature):
    """Inline a function into one graph; return it and the names of its tensors."""
    frozen = constants_for_variables(signature)
    return frozen, {op.name for op in frozen.graph.get_operations() if op.outputs}
