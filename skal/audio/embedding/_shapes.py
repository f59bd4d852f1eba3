"""Shared by the runtimes: input shapes, choice of an output, and rows of results."""

import contextlib
import difflib
import re

import numpy as np

__all__ = [
    "choose",
    "filled",
    "fixed_samples",
    "in_batches",
    "missing_package",
    "names_scores",
    "reading",
    "refuse_spectrograms",
    "rows_of_windows",
]

_SCORES = re.compile(r"score|logit|prob|predict|label|class|softmax|sigmoid", re.IGNORECASE)


def fixed_samples(shape):
    """Return the number of samples that an input takes per window; None: any number."""
    axes = list(shape)[1:] if len(shape) > 1 else list(shape)
    if not axes or any(not isinstance(n, (int, np.integer)) or n < 1 for n in axes):
        return None
    return int(np.prod(axes))


def refuse_spectrograms(shape, path):
    """Raise an error unless an input has one axis of samples, beside the windows."""
    axes = [n if isinstance(n, (int, np.integer)) and n > 0 else None for n in shape]
    fixed = [n for n in axes[1:] if n not in (None, 1)]
    if len(fixed) > 1 or (fixed and None in axes[1:]):
        sizes = " x ".join("any" if n is None else str(n) for n in axes)
        raise ValueError(
            f"{path} takes an input of {sizes}, such as spectrograms or several channels, and "
            "skal gives it the samples of a waveform: export the network with the step that "
            "computes its input from a waveform"
        )


@contextlib.contextmanager
def reading(path, *own_errors):
    """Name the file in errors of a runtime that cannot open it, including the runtime's own."""
    try:
        yield
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, *own_errors) as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"{path} cannot be opened, is it damaged? {said}") from error


def in_batches(run, windows, size):
    """Run a network on windows, `size` at a time; None: all at once."""
    if size is None:
        return run(windows)
    rows = []
    for start in range(0, len(windows), size):
        part = windows[start : start + size]
        missing = size - len(part)
        full = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part
        rows.append(run(full)[: len(part)])
    return np.concatenate(rows)


def filled(shape, n_windows, n_samples):
    """Return the shape of an input for windows of a given length."""
    if len(shape) < 2:
        return (n_samples,)
    axes = [n if isinstance(n, (int, np.integer)) and n > 0 else None for n in shape[1:]]
    unknown = [i for i, n in enumerate(axes) if n is None]
    for i in unknown[1:]:
        axes[i] = 1
    if unknown:
        axes[unknown[0]] = n_samples // int(np.prod([n for n in axes if n]))
    return (n_windows, *axes)


def rows_of_windows(values, n_windows, path):
    """Return the output of a network as one row per window."""
    values = np.array(values, dtype=np.float32)
    alone = n_windows == 1 and values.ndim < 2
    if values.size == 0 or not (alone or values.shape[:1] == (n_windows,)):
        rows = values.shape[0] if values.ndim else 0
        raise ValueError(
            f"{path} gives {rows} rows for {n_windows} windows: set window= (s) to the length of "
            "sound behind one row"
        )
    return values.reshape(n_windows, -1)


def choose(outputs, names, inner, path):
    """Return the output to use, as its position or as the name of a tensor."""
    if not outputs:
        return 0
    for wanted in outputs:
        if isinstance(wanted, str) and wanted in names:
            return names.index(wanted)
        if isinstance(wanted, str) and wanted in inner:
            return wanted
        if not isinstance(wanted, str) and -len(names) <= wanted < len(names):
            return int(wanted) % len(names)
    parts = str(outputs[0]).split("/")
    near = sorted((n for n in inner if all(part in n for part in parts)), key=len)[:3]
    near = near or difflib.get_close_matches(str(outputs[0]), [*names, *inner], n=3, cutoff=0.4)
    hint = f"; inside it are {', '.join(map(repr, near))}" if near else ""
    raise ValueError(
        f"{path} has no output {outputs[0]!r}. Its outputs are "
        f"{', '.join(f'{i}: {name!r}' for i, name in enumerate(names[:20]))}{hint}"
    )


def names_scores(name):
    """Return whether an output's name indicates class scores."""
    return bool(_SCORES.search(name))


def missing_package(package, kind, extra="embedding"):
    """Return the error for a runtime that is not installed."""
    text = (
        f"{package} is needed for {kind} models and is missing: pip install 'skal-audio[{extra}]'"
    )
    return ImportError(text, name=package.replace("-", "_"))
