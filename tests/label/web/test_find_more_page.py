"""The page in a real Chromium with an embedding: find more of a sound, and answer it."""

import time

import pytest
from sklearn.linear_model import LogisticRegression

from skal.label.asking.status import audits
from tests.label.recordings import Bands, train
from tests.label.web.serving import CLASSES, key_of, make_project, served

LISTED = "document.querySelectorAll('#find-more-list li').length"


@pytest.fixture
def serving(tmp_path):
    """Return a server of 24 recordings, of three classes in turn, whose features are computed."""
    given = {"embedding": Bands(), "estimator": LogisticRegression()}
    project = make_project(tmp_path, 24, audit_share=0.2, n_instances=3, **given)
    train(project)
    with served(project, person="ann") as serving:
        yield serving


def answer(page):
    """Answer the question on the screen truthfully; return the name of its file."""
    name = page.question()
    page.page.keyboard.press(key_of(name))
    page.until(f"document.getElementById('file').textContent !== {name!r}")
    return name


def begin(page, choice):
    """Open "Find more", choose what to look for, and let the page ask about it."""
    page.page.keyboard.press(">")
    page.until(f"{LISTED} > 0")  # the choices are new by then
    page.page.select_option("#find-more-for", choice)
    page.until("document.getElementById('find-more-begin').disabled", False)
    page.page.click("#find-more-begin")
    page.until("document.getElementById('finding').hidden", False)


def test_more_like_the_recording_at_hand(page, serving):
    name = page.question()
    clip = next(i for i in range(24) if serving.project.clip(i).name == name)
    begin(page, f"like:{clip}")
    assert name in page.text("#finding-for")
    seen = [answer(page) for _ in range(5)]
    assert seen[0] == name  # what was on the screen stays there
    assert {key_of(one) for one in seen} == {key_of(name)}
    assert "it sounds like what you are looking for" in page.text("#explanation")
    page.page.click("#find-more-end")
    page.until("document.getElementById('finding').hidden")
    last = [answer(page) for _ in range(3)]
    page.until("document.querySelector('#count b')?.textContent", "8")
    reasons = {row.path: row.reason for row in serving.project.labels()}
    assert [reasons[one] for one in seen[1:]] == ["similar"] * 4
    assert reasons[seen[0]] != "similar" and "similar" not in [reasons[one] for one in last[1:]]


def test_a_rare_class_is_found_by_its_scores_and_reviewed(page, serving):
    project = serving.project
    for i in range(9):
        project.relabel(i, "bob", "label", CLASSES[i % 3])
    project.correct(project.votes(limit=1)[0].answer_id, "bob", "label", "low")  # 8 is noise
    assert train(project) is not None
    page.page.keyboard.press(">")
    page.until(LISTED, 23)
    page.page.select_option("#find-more-for", "label:noise")
    page.until("document.querySelector('#find-more-list .small')?.textContent.includes('likely')")
    rows = page.page.locator("#find-more-list li").all_inner_texts()
    best = [row for row in rows[:8] if "no answer yet" in row]
    assert best and all(int(row.split(".")[0]) % 3 == 2 for row in best)
    # A wrong label among them is opened and corrected.
    page.page.click("#find-more-list li:has-text('008.wav') button")
    assert page.question() == "008.wav" and "Correct “low”" in page.text("#title")
    page.page.keyboard.press("3")
    page.until("document.getElementById('last').textContent", "“low” is now “noise”.")
    # One without an answer is opened and answered.
    page.page.keyboard.press(">")
    page.until(LISTED, 23)
    page.page.select_option("#find-more-for", "label:noise")
    page.until("document.querySelector('#find-more-list .small')?.textContent.includes('likely')")
    page.page.click(f"#find-more-list li:has-text('{best[0].split()[0]}') button")
    page.until("document.getElementById('find-more').open", False)
    assert answer(page) == best[0].split()[0]
    # And all of them in turn, until nothing is left.
    begin(page, "label:noise")
    answer(page)
    seen = [answer(page) for _ in range(2)]
    assert {key_of(one) for one in seen} == {"3"}
    end = time.monotonic() + 20
    while not {*seen} <= {row.path for row in project.labels()} and time.monotonic() < end:
        time.sleep(0.05)
    reasons = {row.path: row.reason for row in project.labels()}
    assert {reasons[one] for one in [best[0].split()[0], *seen]} == {"likely"}
    with project.store.read() as connection:
        assert len(audits(connection)[0]) == sum(r == "audit" for r in reasons.values())


def test_what_cannot_be_found_is_told(page, serving):
    page.page.keyboard.press(">")
    page.until(LISTED, 23)
    page.page.select_option("#find-more-for", "label:low")
    page.until(
        "document.getElementById('find-more-note').textContent.includes('no clip has the label')"
    )
    assert page.page.is_disabled("#find-more-begin")
    for name in CLASSES:
        serving.project.relabel(CLASSES.index(name), "bob", "label", name)
    page.page.select_option("#find-more-for", "label:high")
    page.until("document.getElementById('find-more-begin').disabled", False)


def test_a_search_ends_by_itself(page, serving):
    for i in range(20):
        serving.project.relabel(i, "bob", "label", CLASSES[i % 3])
    page.page.reload()
    page.question()
    begin(page, "label:high")
    for _ in range(3):
        answer(page)
    page.page.keyboard.press(key_of(page.question()))
    page.until("document.getElementById('title').textContent", "No recordings are left for you")
    assert page.page.is_hidden("#finding")


def test_a_search_that_is_opened_again_shows_its_own_recording(page):
    held = []
    name = page.question()
    page.page.route("**/api/classes", lambda route: held.append(route))
    page.page.keyboard.press(">")
    page.page.wait_for_timeout(200)
    page.page.keyboard.press("Escape")
    page.until("document.getElementById('find-more').open", False)
    page.until("document.activeElement.id", "stage")
    page.page.keyboard.press(key_of(name))
    page.until(f"document.getElementById('file').textContent !== {name!r}")
    second = page.question()
    page.page.keyboard.press(">")
    page.page.wait_for_timeout(200)
    first, last = held[0], held[-1]
    assert first is not last
    last.continue_()
    page.until("document.querySelector('#find-more-for option')?.textContent", f"like {second}")
    first.continue_()  # the answer to the first opening comes last
    page.page.wait_for_timeout(300)
    assert page.page.inner_text("#find-more-for option >> nth=0") == f"like {second}"
    page.page.unroute("**/api/classes")
