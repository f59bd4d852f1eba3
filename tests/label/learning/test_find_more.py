"""What a search finds, in which order, and what becomes of the answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skal.label import LabelingProject, ProjectError
from skal.label.asking.clips import usable_clips
from skal.label.asking.status import audits
from skal.label.learning import find_more
from skal.label.learning.find_more import Finder, save_scores
from skal.label.store.training_rounds import list_rounds
from tests.label.recordings import Bands, answer_next, train, write_tones


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return recordings of which the first three of "high" are rare."""
    folder = tmp_path_factory.mktemp("tones")
    write_tones(folder, 30, ["low"])
    for i, path in enumerate(sorted(folder.glob("*.wav"))):
        if i in (4, 11, 20):
            path.unlink()
    rare = folder.parent / "rare"
    write_tones(rare, 3, ["high"])
    for i, path in zip((4, 11, 20), sorted(rare.glob("*.wav")), strict=True):
        path.rename(folder / f"{i:04d}.wav")
    return folder


RARE = {"0004.wav", "0011.wav", "0020.wav"}


@pytest.fixture
def project(folder, tmp_path):
    """Return an open project whose features are computed."""
    options = {"embedding": Bands(), "estimator": LogisticRegression(), "n_instances": 4}
    with LabelingProject(
        folder, ["low", "high"], folder=tmp_path / "project", **options
    ) as project:
        assert train(project) is None
        yield project


def _clip(project, name):
    with project.store.read() as connection:
        return next(row.id for row in usable_clips(connection) if row.path == name)


def _answer(project, question):
    label = "high" if question.name in RARE else "low"
    project.answer(question.question_id, "ann", "label", label)


def test_clips_like_one_come_first_and_keep_their_reason(project):
    finder, like = Finder(project), _clip(project, "0004.wav")
    names = []
    for _ in range(3):
        question = finder.next("ann", like=like)
        assert question.reason == "similar" and "sounds like" in question.explanation
        names.append(question.name)
        _answer(project, question)
    assert set(names[:2]) == RARE - {"0004.wav"}
    assert names[2] not in RARE
    assert [row.reason for row in project.labels()] == ["similar"] * 3
    # Undone, a clip is asked about again for the same reason.
    assert project.undo("ann").reason == "similar"


def test_a_class_without_a_model_is_found_by_its_labeled_clips(project):
    finder = Finder(project)
    with pytest.raises(ProjectError, match="no clip has the label 'high' yet") as caught:
        finder.next("ann", label="high")
    assert caught.value.code == "not_ready"
    project.relabel(_clip(project, "0011.wav"), "bob", "label", "high")
    found = [finder.next("ann", label="high") for _ in range(2)]
    assert {question.name for question in found} == RARE - {"0011.wav"}
    assert {question.reason for question in found} == {"similar"}


def test_a_class_that_the_model_knows_is_found_by_its_scores(project):
    for name in ("0011.wav", "0004.wav"):
        project.relabel(_clip(project, name), "bob", "label", "high")
    for name in ("0000.wav", "0001.wav"):
        project.relabel(_clip(project, name), "bob", "label", "low")
    assert train(project) is not None
    finder = Finder(project)
    question = finder.next("ann", label="high")
    assert (question.name, question.reason) == ("0020.wav", "likely")
    found = finder.top(label="high", limit=4)
    assert {one.path for one in found[:3]} == RARE
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True) and 0 < scores[3] < 0.5 < scores[2] <= 1
    said = {one.path: (one.label, one.person) for one in found[:3]}
    assert said == {
        "0004.wav": ("high", "bob"),
        "0011.wav": ("high", "bob"),
        "0020.wav": (None, None),
    }


def test_what_is_found_trains_the_model_but_never_enters_the_audit(project):
    truth = {row: "high" if row in RARE else "low" for row in sorted(_names(project))}
    answer_next(project, "ann", truth, 12)
    for name in RARE:
        project.relabel(_clip(project, name), "ann", "label", "high")
    assert train(project) == 0
    before = project.progress().n_labeled
    finder = Finder(project)
    for _ in range(8):
        _answer(project, finder.next("ann", label="high"))
    with project.store.read() as connection:
        assert audits(connection) == ([], [])
    assert project.progress().n_labeled == before + 8
    assert train(project) == 1
    assert len(list_rounds(project.store)[1].record["batch"]) == 8


def _names(project):
    with project.store.read() as connection:
        return [row.path for row in usable_clips(connection)]


def test_held_settled_and_skipped_clips_are_not_asked(project):
    finder, like = Finder(project), _clip(project, "0004.wav")
    first = finder.next("ann", like=like)
    second = finder.next("bob", like=like)
    assert first.clip_id != second.clip_id
    project.answer(first.question_id, "ann", "skip")
    third = finder.next("ann", like=like)
    assert third.clip_id not in (first.clip_id, second.clip_id)
    assert finder.next("ann", like=like, exclude=[0]).clip_id != 0
    assert finder.next("carl", like=like).clip_id == first.clip_id  # skips are for others


def test_nothing_is_left(project):
    finder = Finder(project)
    while (question := finder.next("ann", like=4)) is not None:
        project.answer(question.question_id, "ann", "unsure")
    assert finder.next("ann", like=4) is None
    assert project.next("ann").clip_id == 4


def test_only_one_clip_is_asked_about(project):
    question = project.ask("ann", [7], "similar")
    assert question.clip_id == 7
    assert project.ask("bob", [7], "similar") is None
    with pytest.raises(ProjectError, match="a reason is one of"):
        project.ask("ann", [8], "audit")


def test_features_that_are_not_there_yet(folder, tmp_path):
    with LabelingProject(
        folder, ["low", "high"], folder=tmp_path / "other", embedding=Bands(2)
    ) as project:
        with pytest.raises(ProjectError, match="not computed yet") as caught:
            Finder(project).next("ann", like=3)
        assert caught.value.code == "not_ready"
        for wrong in ({}, {"like": 1, "label": "low"}):
            with pytest.raises(ProjectError, match="pass like or label, not both"):
                Finder(project).next("ann", **wrong)
        with pytest.raises(ProjectError, match="there is no class"):
            Finder(project).next("ann", label="cat")


def test_spectrograms_are_compared_by_statistics(folder, tmp_path):
    with LabelingProject(folder, ["low", "high"], folder=tmp_path / "default") as project:
        train(project)
        found = Finder(project).top(like=_clip(project, "0004.wav"), limit=27)
    # By pixels, one of them would come among the last.
    assert RARE - {"0004.wav"} <= {one.path for one in found[:4]}


def test_scores_near_one_keep_their_order(tmp_path):
    proba = 1 - np.array([[1e-6, 0.5], [1e-7, 0.5], [1e-5, 0.5]], dtype=np.float64)
    save_scores(tmp_path, 3, np.arange(3), ["a", "b"], proba)
    ids, scores = find_more._read_scores(tmp_path, "a")
    assert find_more._in_order(ids, scores)[0].tolist() == [1, 0, 2]
    assert find_more._read_scores(tmp_path, "c") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text"])
def test_damaged_scores_are_named(tmp_path, damage):
    save_scores(tmp_path, 3, np.arange(3), ["a", "b"], np.full((3, 2), 0.5))
    path = tmp_path / "scores.skal"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    damaged = {"flip": content, "cut": content[:99], "empty": b"", "text": b"no scores"}[damage]
    path.write_bytes(damaged)
    with pytest.raises(ProjectError, match=r"scores\.skal is damaged"):
        find_more._read_scores(tmp_path, "a")
