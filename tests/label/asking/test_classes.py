"""Classes change their names, become others, retire and come back; no answer is lost."""

import random

import pytest

from skal.label import LabelingProject, ProjectError
from skal.label.asking.classes import several_names
from skal.label.asking.records import ImportedLabel


def labels(project):
    return {row.clip_id: row.label for row in project.labels()}


def give(project, **given):
    for clip_id, label in given.items():
        project.relabel(int(clip_id[1:]), "ann", "label", label)


def names(project):
    return [info.name for info in project.classes]


def test_a_renamed_class_keeps_answers_place_and_key(project):
    give(project, c0="low", c1="high")
    before = project.classes[0]
    project.rename_class("low", "deep")
    assert names(project) == ["deep", "high"]
    assert project.classes[0].key == before.key
    assert labels(project) == {0: "deep", 1: "high"}
    assert [answer.label for answer in project.answers()] == ["deep", "high"]
    project.relabel(2, "ann", "label", "low")  # from a page that has not heard of it
    assert project.import_labels([ImportedLabel("0003.wav", None, None, "low")]).n_added == 1
    assert labels(project) == {0: "deep", 1: "high", 2: "deep", 3: "deep"}
    assert project.progress().per_class == {"deep": 3, "high": 1}
    project.rename_class("deep", "low")
    project.rename_class("low", "deep")
    assert [str(former) for former in project.former_classes] == ["the class 'low' is now 'deep'"]


def test_a_merged_class_counts_as_the_other_and_comes_back(project):
    project.add_class("bass")
    give(project, c0="low", c1="high", c2="bass")
    project.relabel(2, "bob", "label", "low")
    assert project.labels()[2].n_agree == 1
    assert project.merge_class("bass", "low") == 1
    assert names(project) == ["low", "high"]
    assert labels(project) == {0: "low", 1: "high", 2: "low"}
    assert project.labels()[2].n_agree == 2
    project.merge_class("low", "high")
    assert set(labels(project).values()) == {"high"}
    assert project.restore_class("bass").name == "bass"
    assert labels(project) == {0: "high", 1: "high", 2: "bass"}
    assert project.undo("bob").taken_back == "high"


def test_a_merge_is_turned_around_by_a_rename(project):
    give(project, c0="low", c1="high")
    key = project.classes[1].key
    project.merge_class("low", "high")
    project.rename_class("high", "low")
    assert [(info.name, info.key) for info in project.classes] == [("low", key)]
    assert labels(project) == {0: "low", 1: "low"}
    project.restore_class("high")
    assert labels(project) == {0: "low", 1: "high"}


def test_a_retired_class_is_asked_again_and_comes_back(project):
    give(project, c0="low", c1="high")
    project.relabel(2, "ann", "label", "high")
    project.relabel(2, "ann", "label", "low")
    assert project.retire_class("low") == 2
    assert labels(project) == {1: "high"}  # her former answer to clip 2 stays superseded
    assert len(project.answers()) == 4
    with pytest.raises(ProjectError, match="no class 'low'"):
        project.relabel(5, "ann", "label", "low")
    with pytest.raises(ProjectError, match="was retired; bring it back"):
        project.add_class("low")
    asked = set()
    while (question := project.next("bob")) is not None:
        project.answer(question.question_id, "bob", "skip")
        asked.add(question.clip_id)
    assert {0, 2} <= asked and 1 not in asked
    project.restore_class("low")
    assert labels(project) | {0: "low", 1: "high", 2: "low"} == labels(project)
    assert [info.key for info in project.classes] == ["1", "2"]


def test_what_is_refused(project):
    project.add_class("bass")
    project.merge_class("bass", "low")
    for call, match in [
        (lambda: project.rename_class("owl", "x"), "no class 'owl'"),
        (lambda: project.rename_class("low", "high"), "merge 'low' into it"),
        (lambda: project.rename_class("high", "bass"), "'bass' is now 'low'"),
        (lambda: project.rename_class("low", "\a"), "unprintable"),
        (lambda: project.merge_class("low", "low"), "already"),
        (lambda: project.merge_class("low", "bass"), "no class 'bass'"),
        (lambda: project.retire_class("bass"), "no class 'bass'"),
        (lambda: project.restore_class("high"), "has not been retired"),
        (lambda: project.add_class("bass"), "is now 'low'"),
    ]:
        with pytest.raises(ProjectError, match=match):
            call()
    assert names(project) == ["low", "high"]


@pytest.mark.parametrize("seed", range(5))
def test_votes_are_what_an_independent_reader_finds(tones, tmp_path, seed):
    """Follow a campaign of changes with plain lists: answers as given, and today's classes."""
    rng = random.Random(seed)
    with LabelingProject(tones, ["a", "b", "c", "d"], folder=tmp_path / "p") as project:
        given, now, retired = [], {name: name for name in "abcd"}, set()
        for step in range(60):
            alive = sorted(name for name in now if now[name] == name and name not in retired)
            action = rng.random()
            if action < 0.85 and alive:
                clip, person, name = rng.randrange(6), rng.choice("xyz"), rng.choice(alive)
                project.relabel(clip, person, "label", name)
                given.append((clip, person, name))
            elif action < 0.9 and len(alive) > 1:
                one, other = rng.sample(alive, 2)
                project.merge_class(one, other)
                now = {name: other if now[name] == one else now[name] for name in now}
            elif action < 0.95 and alive:
                one = rng.choice(alive)
                project.retire_class(one)
                retired |= {name for name in now if now[name] == one}
            elif retired:
                one = sorted(name for name in retired if now[name] == name)[:1]
                for name in one:
                    project.restore_class(name)
                    retired -= {other for other in now if now[other] == name}
            last = {(clip, person): name for clip, person, name in given}
            expected = {k: now[name] for k, name in last.items() if name not in retired}
            found = {(vote.clip_id, vote.person): vote.label for vote in project.votes()}
            assert found == expected, step


def test_new_classes_of_an_old_project_are_told(tones):
    with LabelingProject(tones, ["low", "high"]) as project:
        assert project.class_notes == ()
        project.rename_class("low", "deep")
    with LabelingProject(tones, ["low", "high", "noise"]) as project:
        assert project.class_notes == (
            "the class 'low' is now 'deep': it was not added again",
            "the class 'noise' is new in this project (key 3)",
        )
        assert names(project) == ["deep", "high", "noise"]


def test_names_that_look_like_several():
    assert several_names("dog;siren") == ["dog", "siren"]
    assert several_names("dog, siren | drill") == ["dog", "siren", "drill"]
    assert several_names("house sparrow;") is None


def test_a_class_given_twice_is_told(tones):
    with LabelingProject(tones, ["low", "high", "low"], nothing="high") as project:
        assert project.class_notes == ("the class 'low' is given twice: it is one class",)
        assert [info.name for info in project.classes] == ["low", "high"]
