"""ONNX models, run with onnxruntime."""

from importlib.util import find_spec

import numpy as np

from skal.audio.embedding._shapes import (
    choose,
    filled,
    fixed_samples,
    missing_package,
    names_scores,
    rows_of_windows,
)

__all__ = ["Onnx"]


class Onnx:
    """An .onnx file in a session on one thread."""

    def __init__(self, path, outputs, n_samples):
        if find_spec("onnxruntime") is None:
            raise missing_package("onnxruntime", ".onnx")
        self.path = path
        session = _session(path)
        names = [output.name for output in session.get_outputs()]
        wanted = [name for name in outputs if isinstance(name, str)]
        if wanted and not set(outputs) & set(names):
            content, inner = _with_outputs(path, wanted, names)
            self.output = choose(outputs, names, inner, path)
            session = _session(content)
        else:
            self.output = choose(outputs, names, (), path)
        if not isinstance(self.output, str):
            self.output = names[self.output]
        self._session = session
        self._take(session.get_inputs())
        is_scores = not outputs and names_scores(self.output)
        self.scores = f"its output is named {self.output!r}" if is_scores else None

    def _take(self, given):
        if len(given) != 1 or given[0].type != "tensor(float)":
            kinds = ", ".join(f"{one.name}: {one.type}" for one in given)
            raise ValueError(f"{self.path} takes {kinds}, not one input of float32")
        self._input, self._shape = given[0].name, given[0].shape
        self.n_samples = fixed_samples(self._shape)
        self._one_by_one = len(self._shape) < 2 or isinstance(self._shape[0], int)

    def run(self, windows):
        """Return the embeddings of windows, an array of shape (n_windows, n_samples)."""
        parts = [windows[i : i + 1] for i in range(len(windows))]
        parts = parts if self._one_by_one else [windows]
        return np.concatenate([self._run(part) for part in parts])

    def _run(self, windows):
        shape = filled(self._shape, len(windows), windows.shape[1])
        given = {self._input: windows.reshape(shape)}
        (values,) = self._session.run([self.output], given)
        return rows_of_windows(values, len(windows), self.path)


def _session(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _with_outputs(path, wanted, names):
    """Return the network with inner tensors added to its outputs, and all tensor names."""
    if find_spec("onnx") is None:
        raise ImportError(
            f"{path} has no output {wanted[0]!r}, only {', '.join(names)}; tensors inside the "
            "network need the package onnx: pip install onnx",
            name="onnx",
        )
    import onnx

    model = onnx.load(path)
    inner = {name for node in model.graph.node for name in node.output if name}
    for name in set(wanted) & inner:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    return model.SerializeToString(), inner
