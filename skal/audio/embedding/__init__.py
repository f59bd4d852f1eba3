"""Embeddings of recordings by pretrained networks."""

from skal.audio.embedding.known import KNOWN_MODELS
from skal.audio.embedding.pretrained import PretrainedEmbedding

__all__ = ["KNOWN_MODELS", "PretrainedEmbedding"]
