"""Approximate nearest neighbors, the only caller of pynndescent."""

__all__ = ["build_index"]


def build_index(X, instead, *, n_neighbors=30, metric="euclidean", random_state=None):
    """Build a search index of rows; an error says what to do `instead` without pynndescent."""
    try:
        from pynndescent import NNDescent
    except ImportError as error:
        raise ImportError(
            f"an index needs pynndescent: pip install 'skal-audio[ann]'; or {instead}"
        ) from error
    index = NNDescent(
        X,
        n_neighbors=min(n_neighbors, len(X)),
        metric=metric,
        random_state=random_state,
        low_memory=True,
    )
    index.prepare()
    return index
