"""Approximate nearest neighbors, the only caller of pynndescent."""

__all__ = ["build_index"]


def build_index(X, instead, *, n_neighbors=30, metric="euclidean", random_state=None):
    """Build a search index of rows; an error says what to do `instead` without pynndescent.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The rows that are going to be found.
    instead : str
        What to do where pynndescent is missing, for the message.
    n_neighbors : int, default=30
        Neighbors of each row in the graph.
    metric : str, default="euclidean"
        A metric of pynndescent.
    random_state : int, RandomState instance or None, default=None
        Draws the trees that the graph starts from.

    Returns
    -------
    pynndescent.NNDescent
    """
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
