"""A progress bar over training steps."""

from skal.models._backend import keras

__all__ = ["show_progress"]


def show_progress(losses, n_steps):
    """Show the progress of a training."""
    bar = keras.utils.Progbar(n_steps)
    for part in losses:
        bar.add(len(part), values=[("loss", float(part.mean()))])
        yield part
