"""Axes to draw in."""


def new_axes(ax):
    """Return the given axes, or the axes of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]
