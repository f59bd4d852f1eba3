"""The classifier behind an embedding: small, trained in a second, its probabilities usable."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["make_embedding_classifier"]


def make_embedding_classifier(C=1.0):
    """Make the classifier that skal puts behind an embedding: scaling, logistic regression.

    Of what was compared on ESC-10 with BirdNET (one seed, five folds, random labels), this had
    the lowest log loss and calibration error at 20 and 50 labels, .09 both times, so that the
    margin between probabilities means something. Linear discriminants with shrinkage had .42
    and .23, stronger penalties .12 to .29; no accuracy was more than 2.5 points above it.

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
    skal.audio.PretrainedEmbedding : What makes the rows.

    Examples
    --------
    >>> from skal.models import make_embedding_classifier
    >>> make_embedding_classifier().fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"]).classes_.tolist()
    ['a', 'b']
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
