"""A progress bar over training steps."""

from skal.models._backend import keras

__all__ = ["show_progress"]


def show_progress(losses, n_steps):
    """Show the progress of a training.

    Parameters
    ----------
    losses : iterable of ndarray
        Losses of the next few steps, as training yields them.
    n_steps : int
        Number of steps in all.

    Yields
    ------
    ndarray
        What `losses` yields.
    """
    bar = keras.utils.Progbar(n_steps)
    for part in losses:
        bar.add(len(part), values=[("loss", float(part.mean()))])
        yield part
