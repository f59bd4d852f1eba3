"""ONNX models, run with onnxruntime."""

from importlib.util import find_spec

import numpy as np

from skal.audio.embedding._shapes import (
    choose,
    filled,
    fixed_samples,
    in_batches,
    missing_package,
    names_scores,
    reading,
    rows_of_windows,
)

__all__ = ["Onnx"]


_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}


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
            session = _session(path, content)
        else:
            self.output = choose(outputs, names, (), path)
        self.names = names
        if not isinstance(self.output, str):
            self.output = names[self.output]
        self._session = session
        self._take(session.get_inputs())
        is_scores = not outputs and names_scores(self.output)
        self.scores = f"its output is named {self.output!r}" if is_scores else None

    def _take(self, given):
        if len(given) != 1 or given[0].type not in _TYPES:
            kinds = ", ".join(f"{one.name}: {one.type}" for one in given)
            raise ValueError(
                f"{self.path} takes {kinds}, not one input of floats: export it with such an input"
            )
        self._input, self.shape = given[0].name, given[0].shape
        self._type = _TYPES[given[0].type]
        self.n_samples = fixed_samples(self.shape)
        first = self.shape[0] if len(self.shape) > 1 else 1
        self._batch = first if isinstance(first, int) else None

    def run(self, windows):
        """Return the embeddings of windows, an array of shape (n_windows, n_samples)."""
        return in_batches(self._run, windows, self._batch)

    def _run(self, windows):
        shape = filled(self.shape, len(windows), windows.shape[1])
        given = {self._input: windows.reshape(shape).astype(self._type, copy=False)}
        (values,) = self._session.run([self.output], given)
        return rows_of_windows(values, len(windows), self.path)


def _session(path, model=None):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = path if model is None else model
    with reading(path, *_errors()):
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _errors():
    """Return the exceptions of onnxruntime, which have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = [kind for kind in vars(state).values() if isinstance(kind, type)]
    return [kind for kind in kinds if issubclass(kind, Exception)]


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
