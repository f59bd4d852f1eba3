"""The models of past rounds, kept as small as each kind of classifier allows."""

import copy

from skal.learner import final_model


def take_snapshot(estimator):
    """Keep what a fitted classifier needs to predict later, while it is trained on.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier.

    Returns
    -------
    object
        For `restore`: the weights of a network, which all rounds share, or a copy of
        any other classifier.
    """
    model = final_model(estimator)
    if model is estimator and hasattr(model, "get_weights"):
        return _Weights(model.get_weights())
    return copy.deepcopy(estimator)


class _Weights:
    def __init__(self, arrays):
        self.arrays = arrays


def restore(snapshots, estimator):
    """Yield the classifiers of past rounds, one at a time.

    Parameters
    ----------
    snapshots : list
        From `take_snapshot`.
    estimator : estimator
        The classifier of the campaign, which stays as it is. The one of the last round may be
        a constant one in its place.

    Yields
    ------
    estimator
        Valid until the next one is asked for.
    """
    network = None
    for snapshot in snapshots:
        if not isinstance(snapshot, _Weights):
            yield snapshot
            continue
        if network is None:
            network = copy.deepcopy(estimator)
        network.set_weights(snapshot.arrays)
        yield network
