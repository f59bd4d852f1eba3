"""Parameters of objects that are parameters, where the object is not there."""

import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal import ActiveLearningClassifier
from skal.models import CNNClassifier, CompactCNN, SegmentVoting

CAMPAIGN = ActiveLearningClassifier(LogisticRegression())


@pytest.mark.parametrize(
    ("estimator", "name", "message"),
    [
        (CNNClassifier(), "network__dropout", r"network is None: .*CompactCNN\(dropout=...\)"),
        (CNNClassifier(), "network__dropout", r"DenseNet\(dropout=...\) for rows"),
        (
            CNNClassifier(),
            "augmentation__mixup",
            r"augmentation is 'auto': set augmentation=SpectrogramAugmentation\(mixup=...\)",
        ),
        (CNNClassifier(augmentation=None), "augmentation__mixup", "augmentation is None"),
        (CNNClassifier(len), "network__dropout", "network is <built-in function len>"),
        (SegmentVoting(), "network__dropout", r"network is None: .*CompactCNN\(dropout=...\)"),
        (CAMPAIGN, "strategy__factor", r"strategy is None: .*MarginSampling\(\)"),
        (CAMPAIGN, "replay__share", r"Replay\(share=...\)"),
        (CAMPAIGN, "update__noise", r"update is 'retrain': .*ShrinkPerturb\(noise=...\)"),
        (CAMPAIGN, "pseudo_labels__decay", r"PseudoLabels\(decay=...\)"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda e: ("", e), lambda e: ("part__", make_pipeline(e))])
def test_the_object_to_set_is_named(estimator, name, message, wrap):
    prefix, outer = wrap(clone(estimator))
    prefix = prefix and f"{outer.steps[0][0]}__"
    with pytest.raises(ValueError, match=message):
        outer.set_params(**{prefix + name: 0.5})


def test_an_object_given_in_the_same_call_takes_its_parameters():
    classifier = CNNClassifier().set_params(network__dropout=0.5, network=CompactCNN())
    assert classifier.network.dropout == 0.5
    with pytest.raises(ValueError, match="network is None"):
        CNNClassifier(CompactCNN()).set_params(network__dropout=0.5, network=None)


def test_unknown_names_are_still_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'nothing'"):
        CNNClassifier().set_params(nothing__dropout=0.5)
