"""LiteRT (TensorFlow Lite) models, run with ai-edge-litert or TensorFlow's own interpreter."""

import warnings
from importlib.util import find_spec

import numpy as np

from skal.audio.embedding._shapes import (
    choose,
    filled,
    fixed_samples,
    missing_package,
    reading,
    rows_of_windows,
)

__all__ = ["LiteRT"]

# Operations that make probabilities.
_TO_SCORES = {"SOFTMAX", "LOGISTIC", "LOG_SOFTMAX"}


class LiteRT:
    """A .tflite file in an interpreter, which runs one window at a time on one thread."""

    def __init__(self, path, outputs, n_samples):
        self.path = path
        plain = _interpreter(path, False)
        inner = {d["name"]: d["index"] for d in plain.get_tensor_details() if d["name"]}
        found = plain.get_output_details()
        self.names = [d["name"] for d in found]
        chosen = choose(outputs, self.names, inner, path)
        # Without this, the interpreter discards tensors that are neither input nor output.
        keeps_all = isinstance(chosen, str)
        self._interpreter = _interpreter(path, True) if keeps_all else plain
        self._output = inner[chosen] if keeps_all else found[chosen]["index"]
        self.output = chosen if keeps_all else found[chosen]["name"]
        self.scores = None if outputs else self._why_scores(plain, inner)
        self._prepare(n_samples)

    def _why_scores(self, plain, inner):
        if "model/GLOBAL_AVG_POOL/Mean" in inner:
            return (
                "this is BirdNET: its output holds scores of species, and its embedding is an "
                f"inner tensor. Use PretrainedEmbedding('birdnet', weights={self.path!r})"
            )
        makers = [op for op in plain._get_ops_details() if self._output in op["outputs"]]
        is_scores = any(op["op_name"] in _TO_SCORES for op in makers)
        return "its output is made by a softmax or sigmoid" if is_scores else None

    def _prepare(self, n_samples):
        given = self._interpreter.get_input_details()
        if len(given) != 1 or given[0]["dtype"] != np.float32:
            kinds = ", ".join(np.dtype(d["dtype"]).name for d in given)
            raise ValueError(
                f"{self.path} takes {kinds} inputs, not a single float32 input: convert the "
                "network with inference_input_type float32"
            )
        self._input = given[0]["index"]
        self.shape = [int(n) for n in given[0]["shape_signature"]]
        self.n_samples = fixed_samples(self.shape)
        self._shape = filled(self.shape, 1, self.n_samples or n_samples or 1)
        if tuple(given[0]["shape"]) != self._shape:
            self._interpreter.resize_tensor_input(self._input, list(self._shape))
        if self.n_samples or n_samples:
            self._interpreter.allocate_tensors()

    def run(self, windows):
        """Return the embeddings of windows, an array of shape (n_windows, n_samples)."""
        rows = []
        for window in windows:
            self._interpreter.set_tensor(self._input, window.reshape(self._shape))
            self._interpreter.invoke()
            # A view of the interpreter's memory; rows_of_windows copies it.
            rows.append(rows_of_windows(self._interpreter.get_tensor(self._output), 1, self.path))
        return np.concatenate(rows)


def _interpreter(path, keeps_all):
    if find_spec("ai_edge_litert") is None:
        raise missing_package("ai-edge-litert", ".tflite")
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings(), reading(path):
        warnings.simplefilter("ignore")  # a warning that keeping all tensors is for debugging
        return Interpreter(path, num_threads=1, experimental_preserve_all_tensors=keeps_all)
