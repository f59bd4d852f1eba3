"""Embeddings as text or parameters: a name, a file, NAME=WEIGHTS, or an object."""

import json
import os
from pathlib import Path

from skal.audio.embedding.known import KNOWN_MODELS
from skal.audio.embedding.pretrained import PretrainedEmbedding

__all__ = ["as_embedding", "parse_embedding"]


def parse_embedding(text):
    """Parse text such as ``perch=models/perch`` into parameters."""
    if text.lstrip().startswith("{"):
        try:
            return _absolute(json.loads(text))
        except json.JSONDecodeError as error:
            raise ValueError(f"the embedding {text!r} is not JSON: {error}") from error
    name, equals, weights = text.partition("=")
    if equals and name in KNOWN_MODELS:
        return _absolute({"model": name, "weights": weights})
    return _absolute({"model": text})


def _absolute(given):
    for key in ("model", "weights"):
        value = given.get(key)
        is_name = key == "model" and (value in KNOWN_MODELS or not Path(value or "").exists())
        if value is not None and not is_name:
            given[key] = os.path.abspath(value)
    return given


def as_embedding(given):
    """Return a transformer of recordings."""
    if isinstance(given, (str, os.PathLike)):
        return PretrainedEmbedding(**parse_embedding(os.fspath(given)))
    return PretrainedEmbedding(**_absolute(dict(given))) if isinstance(given, dict) else given
