"""Find more of a sound: clips like a given one, or clips that may belong to a class."""

import threading
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import StandardScaler

from skal._utils.distances.cosine import highest_cosine
from skal._utils.files.checksummed import parse_checksummed, write_checksummed
from skal._utils.rows.time_statistics import time_statistics
from skal._utils.sound.windows import Window
from skal.audio import FeatureCache
from skal.label.asking.clips import usable_clips
from skal.label.asking.found_clips import LIKELY, SIMILAR, clips_of_class, describe_found
from skal.label.learning.defaults import choose_components
from skal.label.store.project_error import ProjectError

__all__ = ["Finder", "save_scores"]


_SCORES, _FORMAT = "scores.skal", 1


@dataclass
class _Rows:
    """Clips with comparable features; `n_clips` also counts clips without features."""

    ids: np.ndarray
    X: np.ndarray
    n_clips: int

    def of(self, clip_ids):
        """Return the rows of the given clips that have features."""
        return self.X[np.isin(self.ids, np.asarray(clip_ids, dtype=np.intp))]


class Finder:
    """Finds clips that sound like others, and asks about them.

    The answers train the model like all others, but never count for the estimate of its accuracy,
    because these clips are not drawn at random.

    Parameters
    ----------
    project : LabelingProject
        Open.

    See Also
    --------
    skal.search.SimilaritySearch : Searches rows that are not in a project.
    skal.strategies.SimilarTo : Asks for similar rows in a campaign.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skal.audio import MFCC
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.label import Finder, LabelingProject, Trainer
    >>> folder = TemporaryDirectory()
    >>> sounds = write_sounds(make_sounds(20, 2, random_state=0), folder.name)
    >>> features = MFCC(sr=8000, flatten=True)
    >>> with folder, LabelingProject(folder.name, ["tone"], embedding=features) as project:
    ...     first = project.next("ann")
    ...     answered = project.answer(first.question_id, "ann", "label", "tone")
    ...     number = Trainer(project).train()  # computes the features
    ...     question = Finder(project).next("ann", like=first.clip_id)
    >>> question.reason
    'similar'
    """

    def __init__(self, project):
        self.project = project
        self._rows = None
        self._lock = threading.Lock()

    def next(self, person, *, like=None, label=None, exclude=()):
        """Ask a person about the best match that is still open.

        Parameters
        ----------
        person : str
            Name of the person.
        like : int, default=None
            Number of a clip: find what sounds like it.
        label : str, default=None
            A class: find clips for which the model predicts it or, while the model does not know
            the class, clips that sound like one with this label.
        exclude : collection of int, default=()
            Numbers of clips to leave out.

        Returns
        -------
        Question or None
            None if nothing is left.

        Raises
        ------
        ProjectError
            If the features of the clips are not computed yet ("not_ready"), or the class or the
            clip is unknown.
        """
        ids, _, reason = self._rank(like, label)
        return self.project.ask(person, ids.tolist(), reason, exclude=exclude)

    def top(self, *, like=None, label=None, limit=50):
        """Return the best matches, including labeled clips.

        Parameters
        ----------
        like, label : int, str, default=None
            As in `next`.
        limit : int, default=50
            Number of clips.

        Returns
        -------
        list of Found
            The best first.
        """
        ids, scores, reason = self._rank(like, label)
        with self.project.store.read() as connection:
            return describe_found(
                connection, ids[:limit].tolist(), scores[:limit].tolist(), reason
            )

    def _rank(self, like, label):
        """Return clips, the best first, their scores, and the reason to ask about them."""
        if (like is None) == (label is None):
            raise ProjectError(
                "bad_answer", "find clips like one or of a class: pass like or label, not both"
            )
        if like is not None:
            found = self._like([self.project.clip(like).id])
            return *found, SIMILAR
        if label not in [info.name for info in self.project.classes]:
            raise ProjectError("unknown_class", f"there is no class {label!r:.100}")
        scored = _read_scores(self.project.folder, label)
        if scored is not None:
            return *_in_order(*scored), LIKELY
        with self.project.store.read() as connection:
            examples = clips_of_class(connection, label)
        if not examples:
            raise ProjectError(
                "not_ready",
                f"no clip has the label {label!r} yet: give it to one, or find clips like another",
            )
        return *self._like(examples), SIMILAR

    def _like(self, clip_ids):
        rows = self._read_rows()
        examples = rows.of(clip_ids)
        if len(examples) == 0:
            raise ProjectError(
                "not_ready",
                "the features of this clip are not computed yet: the training process does it "
                "when it starts; try again in a moment",
            )
        others = ~np.isin(rows.ids, clip_ids)
        scores = highest_cosine(rows.X, examples)
        return _in_order(rows.ids[others], scores[others])

    def _read_rows(self):
        """Return the rows that the training process has computed."""
        with self.project.store.read() as connection:
            found = usable_clips(connection)
        with self._lock:
            if self._rows is None or self._rows.n_clips != len(found):
                rows = self._load(found)
                complete = len(rows.ids) == len(found)
                self._rows = rows if complete else None
                return rows
            return self._rows

    def _load(self, found):
        root = str(self.project.root)
        windows = [Window(f"{root}/{path}", start or 0.0, end) for _, path, start, end in found]
        transformer = choose_components(self.project, windows).transformer
        cache = FeatureCache(transformer, self.project.folder / "features")
        X, kept = cache.transform_stored([str(window) for window in windows])
        ids = np.array([found[i].id for i in kept], dtype=np.intp)
        if X.ndim > 2:
            X = StandardScaler().fit_transform(time_statistics(X)) if len(X) else X
        return _Rows(ids, X, len(found))


def _in_order(ids, scores):
    order = np.argsort(-scores, kind="stable")
    return ids[order], scores[order]


def save_scores(folder, number, ids, classes, proba):
    """Save the newest predictions for all clips, to search for a class."""
    # Store logarithms: in half precision, probabilities near 1 would be equal.
    logs = np.log(np.maximum(proba, np.finfo(np.float32).tiny)).astype(np.float16)
    values = {"round": number, "classes": [str(name) for name in classes]}
    write_checksummed(folder / _SCORES, "scores", _FORMAT, values, {"ids": ids, "logs": logs})


def _read_scores(folder, label):
    """Return clips and the probabilities of a class, or None if no model knows it."""
    path = folder / _SCORES
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        kept = parse_checksummed(
            content, path, "scores", _FORMAT, remedy="remove it: the next round writes it again"
        )
    except ValueError as error:
        raise ProjectError("store", str(error)) from error
    if label not in kept.values["classes"]:
        return None
    column = kept.arrays["logs"][:, kept.values["classes"].index(label)]
    return kept.arrays["ids"], np.exp(column.astype(np.float32))
