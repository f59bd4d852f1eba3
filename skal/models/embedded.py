"""The classifier after an embedding: small, fast, and calibrated."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["make_embedding_classifier"]


def make_embedding_classifier(C=1.0):
    """Make the classifier that skal uses after an embedding: scaling and logistic regression.

    In a comparison on ESC-10 with BirdNET (one seed, five folds, random labels), it had the lowest
    log loss, and the lowest calibration error at 20 and 50 labels (.09), so its margins are
    meaningful. Linear discriminants with shrinkage had .42 and .23, stronger penalties .12 to .29.
    No accuracy was more than 2.5 points higher.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty.

    Returns
    -------
    Pipeline
        Not fitted; it takes rows of numbers.

    See Also
    --------
    skal.audio.PretrainedEmbedding : Computes the rows.

    Examples
    --------
    >>> from skal.models import make_embedding_classifier
    >>> make_embedding_classifier().fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"]).classes_.tolist()
    ['a', 'b']
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
