"""What is asked, of whom, and why: leases, shares, order."""

import threading
from collections import Counter

import pytest

from skal.label import LabelingProject, ProjectError
from skal.label.store.training_rounds import begin_round, publish
from tests.label.recordings import answer_next, write_tones


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that tests turn."""

    class Clock:
        now = 1_000_000.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr("skal.label.project.time", clock)
    return clock


def pretend_round(project, *, chosen=(), audit=(), guess="low"):
    """Write down a round as if a model had been trained."""
    number = begin_round(project.store, 4, {"campaign": None, "batch": []})
    ranking = {"chosen": list(chosen), "audit": list(audit)}
    guesses = [(i, guess, 0.7) for i in sorted({*chosen, *audit})]
    publish(project.store, number, ranking=ranking, guesses=guesses, record={})
    return number


def drain(project, person, kind="unsure"):
    """Answer all questions; return them."""
    asked = []
    while (question := project.next(person)) is not None:
        asked.append(question)
        project.answer(question.question_id, person, kind)
    return asked


def test_asking_again_gives_the_same(project):
    question = project.next("ann")
    assert project.next("ann") == question
    assert project.next(" ann ") == question
    ahead = project.next("ann", exclude=[question.clip_id])
    assert ahead.clip_id != question.clip_id
    assert project.next("ann", exclude=[question.clip_id]) == ahead
    assert project.next("ann") == question


def test_people_get_different_clips(project):
    asked = [project.next(f"person {i}") for i in range(40)]
    assert len({question.clip_id for question in asked}) == 40
    assert project.next("one too many") is None
    project.release("person 7")
    assert project.next("one too many").clip_id == asked[7].clip_id
    project.release("person 8", [asked[8].question_id, asked[9].question_id])
    assert project.next("yet another").clip_id == asked[8].clip_id
    assert project.next("the last one") is None  # question 9 is not person 8's to give back


def test_leases_expire(tones, clock):
    with LabelingProject(tones, ["low", "high"], lease=60) as project:
        held = [project.next(f"person {i}") for i in range(40)]
        clock.now += 59
        assert project.next("late") is None
        clock.now += 2
        taken = project.next("late")
        (loser,) = (q for q in held if q.clip_id == taken.clip_id)
        person = f"person {held.index(loser)}"
        with pytest.raises(ProjectError, match="another person was asked") as caught:
            project.answer(loser.question_id, person, "unsure")
        assert caught.value.code == "lease_lost"
        # Late, but nobody else wants it: taken.
        fine = next(q for q in held if q.clip_id != taken.clip_id)
        project.answer(fine.question_id, f"person {held.index(fine)}", "unsure")
        project.answer(taken.question_id, "late", "label", "low")
        clock.now += 3600
        with pytest.raises(ProjectError, match="another person was asked"):
            project.answer(loser.question_id, person, "unsure")
        assert len(project.answers()) == 2


def test_all_clips_are_asked_once_and_then_none(project):
    asked = drain(project, "ann")
    assert sorted(q.clip_id for q in asked) == list(range(40))
    assert {q.reason for q in asked} == {"random"}
    assert [q.clip_id for q in asked] != list(range(40))
    assert project.next("bob") is None


def test_the_same_seed_asks_the_same(tones, tmp_path):
    orders = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        given = {"folder": tmp_path / name, "random_state": seed}
        with LabelingProject(tones, ["low", "high"], **given) as project:
            orders.append([q.clip_id for q in drain(project, "ann")])
    assert orders[0] == orders[1] != orders[2]


def test_skipped_clips_go_to_others(project):
    skipped = drain(project, "ann", "skip")
    assert len(skipped) == 40
    assert project.next("ann") is None
    assert len(drain(project, "bob")) == 40


def test_the_choice_of_the_model_comes_in_its_order(tones):
    with LabelingProject(tones, ["low", "high"], audit_share=0) as project:
        number = pretend_round(project, chosen=[7, 3, 11], audit=[20])
        asked = drain(project, "ann")
        assert [q.clip_id for q in asked[:3]] == [7, 3, 11]
        assert {(q.reason, q.round) for q in asked[:3]} == {("chosen", number)}
        assert {q.reason for q in asked[3:]} == {"random"}


def test_a_newer_choice_replaces_the_older(tones):
    with LabelingProject(tones, ["low", "high"], audit_share=0) as project:
        pretend_round(project, chosen=[7, 3, 11])
        assert project.next("ann").clip_id == 7
        pretend_round(project, chosen=[5, 7])
        assert project.next("ann").clip_id == 7  # still on the screen
        assert project.next("bob").clip_id == 5


def test_guesses_are_hidden_until_the_answer(tones, tmp_path):
    for shown in (False, True):
        given = {"show_guess": shown, "folder": tmp_path / str(shown), "audit_share": 0}
        with LabelingProject(tones, ["low", "high"], **given) as project:
            pretend_round(project, chosen=[7], guess="high")
            question = project.next("ann")
            assert (question.guess, question.guess_probability) == (
                ("high", 0.7) if shown else (None, None)
            )
            receipt = project.answer(question.question_id, "ann", "label", "low")
            assert (receipt.guess, receipt.guess_probability) == ("high", 0.7)


def test_the_share_of_audits(tmp_path):
    write_tones(tmp_path, 400, duration=0.05)
    with LabelingProject(tmp_path, ["low", "high"], audit_share=0.25) as project:
        assert project.next("ann").reason == "random"  # no model yet: nothing to measure
        pretend_round(project, chosen=range(200), audit=range(200, 400))
        project.release("ann")
        asked = [project.next("ann") for _ in range(1)]
        for _ in range(199):
            project.answer(asked[-1].question_id, "ann", "label", "low")
            asked.append(project.next("ann"))
        reasons = Counter(q.reason for q in asked)
        assert reasons.keys() == {"chosen", "audit"}
        assert reasons["audit"] == 50
        every = [q.reason == "audit" for q in asked]
        assert all(sum(every[i : i + 4]) == 1 for i in range(196))
        assert all((q.clip_id >= 200) == (q.reason == "audit") for q in asked)
        estimate = project.progress().estimate
        assert (estimate.accuracy, estimate.n) == (
            1.0,
            sum(q.reason == "audit" for q in asked[:-1]),
        )


def test_an_audit_counts_once_and_as_it_stands(tones):
    with LabelingProject(tones, ["low", "high"], audit_share=1) as project:
        pretend_round(project, audit=[4, 5, 6], guess="low")
        for label in ("low", "high", "low"):
            question = project.next("ann")
            assert question.reason == "audit"
            project.answer(question.question_id, "ann", "label", label)
        assert project.progress().estimate.accuracy == pytest.approx(2 / 3)
        again = project.undo("ann")
        assert again.reason == "audit"
        assert project.progress().estimate.n == 2
        project.answer(again.question_id, "ann", "label", "high")
        estimate = project.progress().estimate
        assert (estimate.accuracy, estimate.n) == (pytest.approx(1 / 3), 3)
        project.relabel(5, "ann", "label", "low")
        assert project.progress().estimate.accuracy == pytest.approx(2 / 3)
        ((n_labels, accuracy, low, high),) = project.progress().curve
        assert n_labels == 4
        assert low < accuracy < high


def test_clips_answered_without_a_guess_are_no_audit(tones):
    with LabelingProject(tones, ["low", "high"], audit_share=1) as project:
        question = project.next("ann")
        pretend_round(project, audit=[question.clip_id])
        project.answer(question.question_id, "ann", "label", "low")
        assert project.progress().estimate is None


def test_the_share_of_second_opinions(tmp_path):
    truth = write_tones(tmp_path, 400, duration=0.05)
    with LabelingProject(tmp_path, ["low", "high"], shared_share=0.5) as project:
        for _ in range(150):
            answer_next(project, "ann", truth)
            answer_next(project, "bob", truth)
        rows = project.labels()
        twice = [row for row in rows if row.n_people == 2]
        assert all(row.n_people <= 2 for row in rows)
        assert 0.35 < len(twice) / len(rows) < 0.65
        agreement = project.progress().agreement
        assert (agreement.n_clips, agreement.n_people) == (len(twice), 2)
        assert agreement.cohen == agreement.fleiss == agreement.share == 1
        second = {answer.clip_id for answer in project.answers() if answer.reason == "shared"}
        assert second == {row.clip_id for row in twice}


def test_many_people_at_once(tmp_path):
    truth = write_tones(tmp_path, 120, duration=0.05)
    with LabelingProject(tmp_path, ["low", "high"]) as project:
        done = {}

        def work(person):
            done[person] = answer_next(project, person, truth, 1000, client=person)

        threads = [threading.Thread(target=work, args=(f"p{i}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = [name for mine in done.values() for name in mine]
        assert sorted(names) == sorted(truth)
        assert len(project.answers()) == 120


@pytest.mark.parametrize("person", ["", "  ", None, 3, "x" * 101, "a\nb", "\ud800", "imported"])
def test_nobody_has_such_a_name(project, person):
    with pytest.raises(ProjectError) as caught:
        project.next(person)
    assert caught.value.code == "bad_answer"
