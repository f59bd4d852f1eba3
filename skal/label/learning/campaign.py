"""The campaign behind the rounds of a project: begin, teach, resume."""

import shutil
import warnings
from dataclasses import dataclass, field

import numpy as np

from skal._utils.files.saved_models import list_model_files, round_file
from skal.campaign import ActiveLearningClassifier
from skal.campaign.checkpoint import has_checkpoint

__all__ = ["Campaign", "fit_classifier", "resume", "save_model"]

# Errors from checkpoints of other versions or with other parameters.
_BAD_CHECKPOINT = (ValueError, AttributeError, KeyError)
# Older model files are removed.
_KEPT = 5


@dataclass
class Campaign:
    """A campaign and the labels it was taught."""

    # `number` is the round in which it began, `pool` the digest of its clips. `taught` maps clip
    # ids to classes, or None for "cannot tell"; `guesses` is from `choices.agreement_with_last`.

    number: int
    classifier: ActiveLearningClassifier
    classes: list
    pool: str
    taught: dict = field(default_factory=dict)
    guesses: np.ndarray | None = None

    @classmethod
    def begin(cls, project, pool, number, names, batch):
        """Fit a new campaign, and remove the checkpoints of older ones."""
        classifier = fit_classifier(project, pool, number, names, batch)
        campaign = cls(number, classifier, names, pool.digest)
        campaign.taught.update((i, label) for i, label in batch.items() if label)
        # In fit, None means unlabeled; only teach can mark "cannot tell".
        unclear = {i: None for i, label in batch.items() if label is None}
        if unclear:
            campaign.teach(pool, unclear)
        checkpoint = _checkpoint(project, number)
        for old in checkpoint.parent.glob("*"):
            if old.name != checkpoint.name:
                shutil.rmtree(old, ignore_errors=True)
        return campaign

    def teach(self, pool, batch):
        """Teach the labels of a batch."""
        y = np.empty(len(batch), dtype=object)
        y[:] = list(batch.values())
        self.classifier.teach(indices=pool.rows(list(batch)), y=y)
        self.taught.update(batch)

    def can_continue(self, pool, names, labels):
        """Return whether the campaign can be taught the new labels."""
        if self.classes != names or self.pool != pool.digest:
            return False
        return all(i in labels and labels[i] == label for i, label in self.taught.items())

    def news(self, labels):
        """Return the labels that it was not taught."""
        missing = object()
        return {i: label for i, label in labels.items() if self.taught.get(i, missing) != label}


def fit_classifier(project, pool, number, names, batch):
    """Fit a campaign on a batch of labels, or resume it from the checkpoint of its round."""
    parts = pool.components
    classifier = ActiveLearningClassifier(
        parts.model,
        parts.strategy,
        initial_strategy=parts.initial_strategy,
        n_instances=project.settings["n_instances"],
        budget=None,
        classes=names,
        checkpoint=None if number is None else _checkpoint(project, number),
        random_state=project.settings["random_state"],
    )
    y = np.full(len(pool.ids), None, dtype=object)
    y[pool.rows(list(batch))] = list(batch.values())
    return classifier.fit(pool.X, y, groups=pool.groups)


def resume(project, pool, names, history):
    """Resume the campaign of the last rounds, if it still fits."""
    # Return the campaign and its last round, or (None, None).
    history = [row for row in history if row.record]
    if not history:
        return None, None
    number = _campaign_of(history[-1])
    batches = [row for row in history if _campaign_of(row) == number]
    first = batches[0].record
    fits = first["classes"] == names and first["pool"] == pool.digest
    if not fits:
        return None, None
    try:
        if not has_checkpoint(_checkpoint(project, number)):
            return None, None
        classifier = fit_classifier(project, pool, number, names, dict(first["batch"]))
    except _BAD_CHECKPOINT as error:
        warnings.warn(
            f"the last campaign cannot continue, so a new model is trained on all labels: {error}",
            stacklevel=2,
        )
        return None, None
    campaign = Campaign(number, classifier, names, pool.digest)
    known = [row for row in batches if _knows(classifier, pool, row.record["batch"])]
    for row in known:
        campaign.taught.update((i, label) for i, label in row.record["batch"])
    return campaign, known[-1] if known else None


def save_model(folder, number, model):
    """Save the model of a round, and remove those of much older rounds."""
    model.save(round_file(folder, number))
    for old in list(list_model_files(folder).values())[:-_KEPT]:
        old.unlink(missing_ok=True)


def _checkpoint(project, number):
    return project.folder / "campaign" / f"{number:04d}"


def _campaign_of(row):
    """Return a campaign's number, which is that of its first round."""
    campaign = row.record["campaign"]
    return row.id if campaign is None else campaign


def _knows(classifier, pool, batch):
    labeled = [i for i, label in batch if label is not None]
    return bool(np.isin(pool.rows(labeled), classifier.labeled_indices_).all())
