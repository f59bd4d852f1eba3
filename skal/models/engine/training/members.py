"""Which samples of a step each member of a network is trained on."""

from skal.models._backend import tf

__all__ = ["dealt_rows"]


def dealt_rows(n_samples, n_members, least):
    """Deal the samples of a step to the members: rows of shape (samples, members)."""
    # Members that see the same samples in the same order make the same mistakes. Members with
    # half the filters of a network cost a quarter of its time for each sample, so each of up to
    # four gets a part of its own, and more share theirs with their neighbors.
    size = tf.maximum(n_samples // min(n_members, 4), tf.minimum(n_samples, least))
    first = tf.range(n_members) * n_samples // n_members
    return (tf.range(size)[:, None] + first[None]) % n_samples
