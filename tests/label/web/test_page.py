"""The page in a real Chromium: labeling by keyboard alone, trouble, and what people can reach."""

import itertools
import math
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skal.label import LabelingProject, ProjectError
from tests.label.web.browser import opened
from tests.label.web.serving import CLASSES, key_of, make_project, served, write_sounds

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture
def serving(tmp_path):
    """Return a server of twelve recordings, named by numbers, of three classes in turn."""
    with served(make_project(tmp_path, audit_share=0), person="ann") as serving:
        yield serving


def saved(page, n):
    """Wait until the panel counts so many labels."""
    page.until("document.querySelector('#count b')?.textContent", str(n))


def test_a_folder_is_labeled_by_keyboard_alone(page, serving):
    keyboard, seen = page.page.keyboard, []
    for n in range(8):
        seen.append(page.question())
        keyboard.press("Space")
        keyboard.press(key_of(seen[-1]))
        if n == 3:
            saved(page, 4)
            keyboard.press("z")
            page.until("document.getElementById('last').textContent.includes('Took back')")
            assert page.question() == seen[-1]
            keyboard.press(key_of(seen[-1]))
    saved(page, 8)
    assert len(set(seen)) == 8
    labels = {row.path: row.label for row in serving.project.labels()}
    assert labels == {name: CLASSES[int(key_of(name)) - 1] for name in seen}
    assert {row.person for row in serving.project.labels()} == {"ann"}
    assert all(row.seconds > 0 for row in serving.project.answers() if row.kind == "label")
    kinds = [row.kind for row in serving.project.answers()]
    assert (kinds.count("label"), kinds.count("undo")) == (9, 1)


def test_unsure_skip_bad_and_the_end(page, serving):
    for key in ("u", "s", "b", "U", *"11111111"):
        page.question()
        page.page.keyboard.press(key)
    page.until("document.getElementById('title').textContent", "No recordings are left for you")
    saved(page, 8)
    kinds = [row.kind for row in serving.project.answers()]
    assert kinds == ["unsure", "skip", "bad", "unsure", *["label"] * 8]
    page.until("document.getElementById('others-count').textContent", "2 unsure, 1 skipped, 1 bad")


def test_the_next_question_is_there_at_once(page):
    # Question, sound and picture are loaded ahead: the key alone changes the screen, in the
    # same turn of the browser's loop, without a word from the server.
    page.until(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('png')).length >= 3"
    )
    page.page.wait_for_timeout(300)
    before = page.question()
    page.context.set_offline(True)
    after = page.page.evaluate(
        """() => {
            document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '1', bubbles: true}));
            const image = document.getElementById('spectrogram');
            const drawn = image.complete && image.naturalWidth > 0;
            return [document.getElementById('file').textContent, drawn];
        }"""
    )
    page.context.set_offline(False)
    assert after[0] != before
    assert after[1]
    saved(page, 1)


def test_sound_and_picture(page):
    script = page.page.evaluate
    keyboard = page.page.keyboard
    keyboard.press("?")
    page.page.uncheck("#set-autoplay")
    page.page.reload()
    page.until("document.getElementById('length').textContent", "1.00")
    keyboard.press("Space")
    page.until("document.getElementById('stage').classList.contains('playing')")
    page.until("Number(document.getElementById('now').textContent) > 0.1")
    keyboard.press("Space")
    page.until("document.getElementById('stage').classList.contains('playing')", False)
    box = page.page.locator("#plot").bounding_box()
    page.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 20)
    page.until("Math.abs(document.getElementById('plot').ariaValueNow - 0.75) < 0.02")
    head = page.page.locator("#head").bounding_box()
    assert (head["x"] + 1 - box["x"]) / box["width"] == pytest.approx(0.75, abs=0.02)
    keyboard.press("ArrowLeft")
    page.until("Math.abs(document.getElementById('plot').ariaValueNow - 0.7) < 0.02")
    speeds = ["1.25", "1", "0.75", "0.5", "slow-4", "slow-10", "slow-10", "slow-4", "0.5"]
    for key, speed in zip(".,,,,,,..", speeds, strict=True):
        keyboard.press(key)
        assert script("document.getElementById('speed').value") == speed
        # Slowed down, times and pictures are still those of the recording.
        page.until("document.getElementById('length').textContent === '1.00'")
    keyboard.press("0")
    assert script("document.getElementById('loop').ariaPressed") == "true"
    keyboard.press("Space")
    page.page.wait_for_timeout(1500)  # more than what is left of the second, at half its speed
    assert script("document.getElementById('stage').classList.contains('playing')")


AXES = """async ({seconds, highest, axis, width, height}) => {
    const axes = await import('/static/axes.js');
    const times = axes.timeTicks(seconds, width).map(t => t / seconds * width);
    const heights = axes.frequencyTicks(highest, height, axis)
        .map(f => axes.heightOf(f, highest, axis) * height);
    return [times, heights.sort((a, b) => a - b), axes.timeTicks(seconds, width)];
}"""


@pytest.mark.parametrize("axis", ["mel", "linear"])
@pytest.mark.parametrize("rate", [8000, 44100, 192_000])
def test_ticks_are_round_and_apart(page, axis, rate):
    for seconds in (0.1, 1, 12.3, 90):
        view = {"seconds": seconds, "highest": rate / 2, "axis": axis, "width": 328, "height": 184}
        times, heights, labels = page.page.evaluate(AXES, view)
        for ticks, apart, end in ((times, 84, 328), (heights, 28, 184)):
            gaps = [after - before for before, after in itertools.pairwise(ticks)]
            assert len(gaps) >= 2
            assert min(gaps) >= apart - 1e-6
            assert ticks[0] == 0
            assert ticks[-1] <= end + 1e-6
        if seconds == 90:
            assert labels == [0, 30, 60, 90]  # in min:s, half minutes are round
            continue
        step = labels[1] / 10 ** math.floor(math.log10(labels[1]) + 1e-9)
        assert min(abs(step - round_step) for round_step in (1, 2, 2.5, 5, 10)) < 1e-6


LABELS = """() => [...document.querySelectorAll('#axes text')].map(label => {
    const box = label.getBoundingClientRect();
    return [label.textContent, box.left, box.right, box.top, box.bottom];
})"""


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("is_linear", [False, True])
def test_axes_are_drawn_around_the_picture(browser, serving, width, is_linear):
    with opened(browser, serving.url, width=width) as page:
        page.question()
        if is_linear:
            page.page.keyboard.press("?")
            page.page.check("#set-linear")
            page.page.keyboard.press("Escape")
            page.until("document.getElementById('spectrogram').src.includes('linear')")
        page.until("document.querySelectorAll('#axes text').length > 3")
        labels = page.page.evaluate(LABELS)
        plot = page.page.locator("#plot").bounding_box()
        box = page.page.locator("#picture").bounding_box()
        assert {"0 s", "0 Hz", "1 kHz", "4 kHz"} <= {label[0] for label in labels}
        for text, left, right, top, bottom in labels:
            assert left >= box["x"] and right <= box["x"] + box["width"] + 1, text
            assert top >= box["y"] - 1 and bottom <= box["y"] + box["height"] + 1, text
            if text.endswith(" s"):
                assert top >= plot["y"] + plot["height"]
            else:
                assert right <= plot["x"]
        for n, (_, left, right, top, bottom) in enumerate(labels):
            for _, other_left, other_right, other_top, other_bottom in labels[:n]:
                apart_x = left >= other_right or right <= other_left
                assert apart_x or top >= other_bottom - 3 or bottom <= other_top + 3


# Where the picture is loudest, as a share of the height from the bottom.
LOUDEST = """() => {
    const image = document.getElementById('spectrogram');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
    const rows = Array.from({length: canvas.height}, (_, y) => {
        let sum = 0;
        for (let x = 0; x < 4 * canvas.width; x += 4) sum += data[4 * y * canvas.width + x];
        return sum;
    });
    return 1 - (rows.indexOf(Math.min(...rows)) + 0.5) / canvas.height;
}"""


@pytest.mark.parametrize("axis", ["mel", "linear"])
def test_a_tone_is_drawn_where_the_axis_has_its_frequency(browser, tmp_path, axis):
    project = make_project(tmp_path, n=1)  # a tone of 2 kHz
    with served(project, person="ann") as serving, opened(browser, serving.url) as page:
        page.question()
        if axis == "linear":
            page.page.keyboard.press("?")
            page.page.check("#set-linear")
        page.until(f"document.getElementById('spectrogram').src.includes('axis={axis}')")
        page.until("document.getElementById('spectrogram').complete")
        page.until("document.getElementById('spectrogram').naturalWidth > 100")
        place = "async (axis) => (await import('/static/axes.js')).heightOf(2000, 4000, axis)"
        expected = page.page.evaluate(place, axis)
        assert page.page.evaluate(LOUDEST) == pytest.approx(expected, abs=0.02)


def test_a_class_is_added_on_the_fly(page, serving):
    keyboard = page.page.keyboard
    name = "<img src=x onerror=alert(1)>"
    keyboard.press("+")
    keyboard.type(name)
    keyboard.press("Tab")
    keyboard.type("u")  # taken: it means unsure
    keyboard.press("Enter")
    page.until("document.getElementById('class-error').textContent !== ''")
    keyboard.press("Backspace")
    keyboard.type("x")
    keyboard.press("Enter")
    page.until("document.getElementById('new-class').open", False)
    keyboard.press("x")
    saved(page, 1)
    assert [row.label for row in serving.project.labels()] == [name]
    assert page.page.locator("#classes button").count() == len(CLASSES) + 2
    assert page.page.locator("img[src=x]").count() == 0
    assert name in page.text("#last")
    assert name in page.text("#bars")


def test_script_in_names_is_text(browser, tmp_path):
    evil = "<script>alert(1)<%2fscript><img src=x onerror=alert(2)>.wav"
    folder = tmp_path / "<b onmouseover=alert(3)>rec & co"
    paths = write_sounds(folder, 2)
    paths[0].rename(folder / evil)
    paths[1].unlink()
    (folder / "broken<svg onload=alert(4)>.wav").write_bytes(b"no sound")
    project = LabelingProject(folder, ["<script>alert(5)</script>", "a"]).open()
    with served(project, person="<u>ann</u>") as serving, opened(browser, serving.url) as page:
        assert page.question() == evil
        assert page.text(".project") == folder.name
        assert page.text("#person-name") == "<u>ann</u>"
        page.page.keyboard.press("1")
        saved(page, 1)
        page.until("document.getElementById('problems').hidden", False)
        page.page.click("#problems-title")
        page.until("document.getElementById('problems-list').textContent.includes('<svg')")
        assert page.page.locator("main script, main b b, svg[onload], img[src=x]").count() == 0


def test_answers_are_kept_while_the_server_is_gone(page, serving):
    saved(page, 0)
    page.page.wait_for_timeout(500)  # two more questions are loaded
    serving.stop()
    names = []
    for _ in range(3):
        names.append(page.question())
        page.page.keyboard.press(key_of(names[-1]))
    page.until("document.getElementById('notice').hidden", False)
    page.until("document.getElementById('notice').textContent.includes('keeps 3 answers')")
    assert "saving" in page.text("#last")
    page.until("document.getElementById('title').textContent", "Waiting for the server")
    serving.start()
    saved(page, 3)
    page.until("document.getElementById('notice').hidden")
    assert "saved" in page.text("#last")
    page.question()
    labels = {row.path: row.label for row in serving.project.labels()}
    assert labels == {name: CLASSES[int(key_of(name)) - 1] for name in names}


def test_what_a_closed_page_held_is_asked_of_others(browser, serving):
    with opened(browser, serving.url) as page:
        page.question()
        page.page.wait_for_load_state("networkidle")  # the next questions are held, too
        page.page.goto("about:blank")
        free, end = set(), time.monotonic() + 10
        while len(free) < 12:
            assert time.monotonic() < end, f"{len(free)} of 12 recordings can be asked"
            question = serving.project.next("bob", exclude=tuple(free))
            free |= set() if question is None else {question.clip_id}


def test_answers_outlive_the_page(browser, serving):
    with opened(browser, serving.url) as page:
        name = page.question()
        page.page.wait_for_timeout(300)
        serving.stop()
        page.page.keyboard.press(key_of(name))
        page.until("document.getElementById('notice').hidden", False)
        serving.start()
        page.page.reload()
        saved(page, 1)
    assert [row.path for row in serving.project.labels()] == [name]


def test_a_lost_receipt_does_not_double_an_answer(page, serving):
    lost = []

    def lose_the_first(route):
        route.fetch()  # the server has the answer, the page does not learn it
        lost.append(route.request.post_data_json["client_key"])
        route.abort() if len(lost) == 1 else route.continue_()

    page.page.route("**/api/answers", lose_the_first)
    page.page.reload()  # a page that is open may send its next request past a new route
    page.question()
    page.page.keyboard.press("1")
    saved(page, 1)
    page.until("document.querySelector('#last .ok')?.textContent", "saved")
    assert len(lost) == 2
    assert lost[0] == lost[1]
    assert len(list(serving.project.answers())) == 1


def test_a_full_disk_is_told_and_the_answer_kept(page, serving, monkeypatch):
    real = serving.project.answer

    def full(*arguments, **options):
        raise ProjectError("disk_full", "the disk is full: make room")

    monkeypatch.setattr(serving.project, "answer", full)
    page.page.keyboard.press("1")
    page.until("document.getElementById('notice').textContent.includes('the disk is full')")
    monkeypatch.setattr(serving.project, "answer", real)
    saved(page, 1)
    page.until("document.getElementById('notice').hidden")


def test_an_answer_that_came_too_late_is_told(page, serving, monkeypatch):
    def late(*arguments, **options):
        raise ProjectError("lease_lost", "somebody else has answered")

    monkeypatch.setattr(serving.project, "answer", late)
    page.page.keyboard.press("1")
    page.until("document.getElementById('last').textContent.includes('not saved')")
    assert "somebody else has answered" in page.text("#last")
    page.question()


def test_a_recording_that_is_gone_is_told(page, serving):
    page.page.wait_for_timeout(500)
    for path in serving.project.root.glob("*.wav"):
        soundfile.write(path, [0.5] * 10, 8000)  # constant: cannot be heard
    page.page.reload()
    page.until("document.getElementById('notice').textContent.includes('constant')")
    assert "Bad recording" in page.text("#notice")
    page.page.keyboard.press("b")
    page.until("document.getElementById('others-count').textContent.includes('1 bad')")


PROGRESS = {
    "curve": [[20, 0.5, 0.3, 0.7], [40, 0.7, 0.5, 0.8], [60, 0.85, 0.7, 0.92]],
    "estimate": {"accuracy": 0.85, "low": 0.7, "high": 0.92, "n": 40},
    "labels_saved": 850,
    "n_open": 1000,
    "minutes_listened": 12.0,
    "seconds_left_at_this_pace": 7260.0,
    "advice": "More labels no longer help.",
    "agreement": {"n_clips": 10, "n_people": 2, "share": 0.9, "cohen": 0.8, "fleiss": 0.8},
}


def _with_progress(page, **changes):
    def change(route):
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), **changes})

    page.page.route("**/api/progress", change)


def test_the_panel(page):
    _with_progress(page, **PROGRESS)
    page.until("document.getElementById('accuracy').textContent", "85%")
    assert page.text("#interval") == "70 to 92%"
    assert page.text("#saved") == "700 to 920 of the 1,000 recordings without an answer"
    assert page.text("#listened") == "12 min"
    assert (page.text("#left"), page.text("#advice")) == ("2 h 1 min", PROGRESS["advice"])
    assert page.text("#agreement") == "90% of 10 (κ 0.80)"
    assert "after 60 labels the accuracy is 85%" in page.page.get_attribute("#curve", "aria-label")
    line = page.page.get_attribute("#curve .line", "points").split()
    x, y = zip(*[map(float, point.split(",")) for point in line], strict=True)
    assert list(x) == sorted(x)
    assert list(y) == sorted(y, reverse=True)
    assert len(page.page.get_attribute("#curve .band", "points").split()) == 6


def test_an_accuracy_of_few_clips_is_not_told(page):
    few = {"accuracy": 1.0, "low": 0.57, "high": 1.0, "n": 5}
    _with_progress(page, estimate=few)
    page.until("document.getElementById('accuracy').textContent", "57 to 100%")
    assert page.text("#interval") == "so far"
    assert page.text("#saved") == "not known yet"


def test_a_crash_of_the_worker_is_told(page):
    training = {"status": "failed", "round": 3, "message": "the process was killed (signal 9)."}
    _with_progress(page, training=training)
    page.until("document.getElementById('training').dataset.status", "failed")
    assert "killed (signal 9)" in page.text("#training")
    assert "safe" in page.text("#training")


@pytest.mark.parametrize("show_guess", [False, True])
def test_the_guess_is_hidden_until_the_answer(browser, tmp_path, show_guess):
    with served(make_project(tmp_path, show_guess=show_guess), person="ann") as serving:
        project, ask, answer = serving.project, serving.project.next, serving.project.answer
        seen = {"guess": "low", "guess_probability": 0.75}

        def guessing(*arguments, **options):
            question = ask(*arguments, **options)
            return type(question)(**{**vars(question), **(seen if show_guess else {})})

        def comparing(*arguments, **options):
            receipt = answer(*arguments, **options)
            return type(receipt)(**{**vars(receipt), **seen})

        project.next, project.answer = guessing, comparing
        with opened(browser, serving.url) as page:
            page.question()
            assert page.page.is_visible("#guess") is show_guess
            assert ("low, 75% sure" in page.text("#guess")) if show_guess else True
            page.page.keyboard.press("1")
            page.until(
                "document.getElementById('last').textContent.includes('predicted low (75%)')"
            )


def test_a_name_is_asked_for_where_none_is_known(browser, tmp_path):
    with served(make_project(tmp_path)) as serving, opened(browser, serving.url) as page:
        page.until("document.getElementById('who').open")
        page.page.keyboard.press("Escape")
        page.page.keyboard.type("bob")
        page.page.keyboard.press("Enter")
        page.question()
        page.page.keyboard.press("1")
        saved(page, 1)
        assert [row.person for row in serving.project.labels()] == ["bob"]
        page.page.reload()  # remembered
        page.question()
        assert page.text("#person-name") == "bob"


NAMELESS = """() => {
    const controls = 'button, a[href], input, select, summary, [tabindex], [role=slider], dialog';
    const nameOf = (e) => {
        const ids = (e.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean);
        const labels = [...(e.labels ?? [])].map(l => l.textContent);
        const own = e.matches('section, dialog, [role=slider]') ? '' : e.textContent;
        return [e.getAttribute('aria-label') ?? '', own, ...labels,
            ...ids.map(id => document.getElementById(id)?.textContent ?? '')].join('').trim();
    };
    return [...document.querySelectorAll(controls)].filter(e => !nameOf(e)).map(e => e.outerHTML);
}"""


def test_every_control_has_a_name(page):
    assert page.page.evaluate(NAMELESS) == []
    assert page.page.evaluate("document.documentElement.lang") == "en"
    assert page.page.locator("h1").count() == 1
    assert page.page.evaluate("[...document.images].every(i => i.hasAttribute('alt'))")
    live = "document.querySelectorAll('[role=alert], [role=status], [aria-live]').length"
    assert page.page.evaluate(live) >= 4
    twice = """() => {
        const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
        return ids.filter((id, i) => ids.indexOf(id) !== i);
    }"""
    assert page.page.evaluate(twice) == []


def test_the_tab_key_goes_everywhere_in_order(page):
    focused = "(document.activeElement.id || document.activeElement.textContent.trim())"
    script = page.page.evaluate
    order = []
    for _ in range(40):
        page.page.keyboard.press("Tab")
        if script("document.activeElement === document.body"):
            break
        order.append(re.sub(r"\s+", " ", script(focused)))
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert script(ring) != "none", order[-1]
    expected = ["Skip to the recording", "person-open", "help-open", "plot", "play", "loop"]
    expected += ["zoom", "speed", "1high", "2low", "3noise", "+Add a class", "u Unsure", "s Skip"]
    assert order[:16] == [*expected, "b Bad recording", "undo"]


def test_a_screen_reader_is_told_what_comes(page):
    page.page.keyboard.press("1")
    page.until("document.getElementById('spoken').textContent.startsWith('high. Next recording')")


def test_buttons_do_as_their_keys(page, serving):
    page.page.click("#classes button:nth-child(2)")
    saved(page, 1)
    # The keys belong to the next question then, not to the button.
    page.page.keyboard.press("Space")
    page.page.click("text=Undo")
    page.until("document.getElementById('last').textContent.includes('Took back')")
    saved(page, 0)
    page.page.focus("#classes button:nth-child(1)")
    page.page.keyboard.press("Enter")
    saved(page, 1)
    assert [row.label for row in serving.project.labels()] == ["high"]


def test_single_keys_can_be_switched_off(page, serving):
    page.page.keyboard.press("?")
    page.page.uncheck("#set-keys")
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("1")
    page.page.keyboard.press("z")
    page.page.wait_for_timeout(300)
    assert list(serving.project.answers()) == []


CONTRAST = """() => {
    const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
    const light = (c) => rgb(c).slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (e) => {
        const c = getComputedStyle(e).backgroundColor;
        return (rgb(c)[3] ?? 1) === 1 ? c : ground(e.parentElement);
    };
    const bad = [];
    for (const e of document.querySelectorAll('body *')) {
        const text = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!text || !e.checkVisibility()) continue;
        const style = getComputedStyle(e);
        const ink = e.namespaceURI.endsWith('svg') ? style.fill : style.color;
        const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${e.id || e.className} ${e.textContent}`);
    }
    return bad;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 360])
def test_everything_fits_and_can_be_read(browser, serving, theme, width):
    serving.project.add_class("a class with quite a long name, without any end to be seen", None)
    serving.project.add_class("unbreakable" * 9, None)
    with opened(browser, serving.url, width=width, color_scheme=theme) as page:
        _with_progress(page, **PROGRESS)
        page.question()
        page.until("document.getElementById('accuracy').textContent", "85%")
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.page.evaluate(CONTRAST) == []
        sizes = page.page.evaluate(
            "[...document.querySelectorAll('button')].filter(b => b.checkVisibility())"
            ".map(b => b.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44
        assert f"theme={theme}" in page.page.get_attribute("#spectrogram", "src")
        page.page.keyboard.press("?")
        assert page.page.evaluate("document.getElementById('help').scrollWidth") <= width
        assert page.page.evaluate(CONTRAST) == []


@pytest.mark.slow
def test_sixty_digits_by_keyboard_alone(browser, tmp_path, fsdd_home):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    truth = {}
    for i, path in enumerate(sorted((fsdd_home / "recordings").glob("*_[12]?.wav"))[::4]):
        truth[f"{i:04}.wav"] = int(path.name[0])
        shutil.copy(path, recordings / f"{i:04}.wav")
    project = LabelingProject(recordings, DIGITS).open()
    keys = {info.name: info.key for info in project.classes}
    with served(project, person="ann") as serving, opened(browser, serving.url) as page:
        seen = []
        for _ in range(60):
            seen.append(page.question())
            page.page.keyboard.press("Space")
            page.page.keyboard.press(keys[DIGITS[truth[seen[-1]]]])
        saved(page, 60)
        rows = project.labels()
        assert len(set(seen)) == 60
        assert {row.path: row.label for row in rows} == {n: DIGITS[truth[n]] for n in seen}
        with page.page.expect_download() as download:
            page.page.click("text=Download the labels")
            page.page.click("text=CSV table")
        lines = Path(download.value.path()).read_text().splitlines()
        assert len(lines) == 61


def test_the_fifth_of_forty_answers_is_corrected(browser, tmp_path):
    with served(make_project(tmp_path, 40, audit_share=0), person="ann") as serving:
        for i in range(40):
            serving.project.relabel(i, "bob", "label", "low")
        with opened(browser, serving.url, width=390, height=844) as page:
            page.until(
                "document.getElementById('title').textContent", "No recordings are left for you"
            )
            page.page.keyboard.press("<")
            page.until("document.querySelectorAll('#review-list li').length", 40)
            page.page.click("#review-list li:nth-last-child(5) button")
            assert page.question() == "004.wav"
            assert "Correct “low”" in page.text("#title")
            page.page.keyboard.press("1")
            page.until("document.getElementById('last').textContent", "“low” is now “high”.")
        labels = {row.path: (row.label, row.person) for row in serving.project.labels()}
        assert labels.pop("004.wav") == ("high", "ann")
        assert set(labels.values()) == {("low", "bob")}
        assert len(serving.project.answers()) == 41


def test_answers_are_filtered(page, serving):
    serving.project.relabel(0, "ann", "label", "low")
    serving.project.relabel(1, "bob", "label", "high")
    serving.project.relabel(2, "bob", "unsure")
    page.page.click("#review-open")
    page.until("document.querySelectorAll('#review-list li').length", 3)
    for select, value, n in [
        ("review-class", "label:high", 1),
        ("review-class", "kind:unsure", 1),
        ("review-class", "", 3),
        ("review-person", "bob", 2),
    ]:
        page.page.select_option(f"#{select}", value)
        page.until("document.querySelectorAll('#review-list li').length", n)
    page.page.check("#review-disagrees")
    page.until("document.getElementById('review-note').textContent", "No answers match.")


def test_a_class_is_renamed_and_another_person_sees_it(browser, page, serving):
    with opened(browser, serving.url) as other:
        other.question()
        page.page.click("#change-open")
        page.page.fill("#change-name", "deep")
        page.page.keyboard.press("Enter")
        page.until("document.getElementById('last').textContent", "high is now deep.")
        names = "[...document.querySelectorAll('#classes button span')].map(e => e.textContent)"
        other.until(f"{names}.includes('deep') && !{names}.includes('high')")
        serving.project.add_class("owl")
        other.until(f"{names}.includes('owl')")
    assert [info.name for info in serving.project.classes] == ["deep", "low", "noise", "owl"]


def test_a_name_that_looks_like_several_is_questioned(page, serving):
    page.page.keyboard.press("+")
    page.page.fill("#class-name", "a;b")
    page.page.keyboard.press("Enter")
    page.until("document.getElementById('class-error').textContent.includes('one class')")
    assert len(serving.project.classes) == 3
    page.page.keyboard.press("Enter")
    page.until("document.getElementById('new-class').open", False)
    assert serving.project.classes[-1].name == "a;b"


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_three_hundred_classes_leave_player_and_picture_in_sight(browser, serving, width, height):
    for i in range(300):
        serving.project.add_class(f"a species with quite a long name, which ends with {i}")
    with opened(browser, serving.url, width=width, height=height) as page:
        page.question()
        page.page.keyboard.press("/")
        page.page.keyboard.type("with 207")
        page.until("document.getElementById('class-filter-note').textContent.endsWith('with 207')")
        for part in ("#picture", "#play", "#class-filter-text", "#classes .best"):
            box = page.page.locator(part).bounding_box()
            assert box["y"] >= 0 and box["y"] + 44 <= height, part
        cut = """[...document.querySelectorAll('#classes button span')]
            .some(e => e.checkVisibility() && e.scrollHeight > e.clientHeight + 1
                && e.clientHeight > 0)"""
        assert not page.page.evaluate(cut)
        page.page.keyboard.press("Enter")
        saved(page, 1)
        assert serving.project.labels()[0].label.endswith("with 207")
        page.page.keyboard.press("1")  # the keys are those of the next question again
        saved(page, 2)


def test_zoom_in_time_and_frequency_and_contrast(browser, tmp_path):
    project = make_project(tmp_path, 3, audit_share=0)
    rate, minutes = 2000, 15
    times = np.arange(rate * 60 * minutes) / rate
    y = np.where(times > 450, 0.3, 0.0) * np.sin(2 * np.pi * 500 * times)
    soundfile.write(project.root / "000.wav", y, rate, subtype="PCM_16")
    project.relabel(1, "ann", "unsure")
    project.relabel(2, "ann", "unsure")
    with served(project, person="ann") as serving, opened(browser, serving.url) as page:
        assert page.question() == "000.wav"
        page.until("document.getElementById('length').textContent", "15:00.0")
        ticks = "[...document.querySelectorAll('#axes text')].map(e => e.textContent)"
        page.until(f"{ticks}.includes('10:00')")
        page.page.keyboard.press("ArrowUp")
        page.until("document.getElementById('spectrogram').src.includes('start=')")
        page.page.keyboard.press("Shift+ArrowUp")
        page.until("document.getElementById('spectrogram').src.includes('low=250&high=750')")
        page.until("document.getElementById('spectrogram').naturalWidth > 0")
        page.page.click("#zoom")
        page.page.click("#view-whole")
        page.until("document.getElementById('spectrogram').src.includes('start=')", False)
        box = page.page.locator("#plot").bounding_box()
        mouse = page.page.mouse
        mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 10)
        mouse.down()
        mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
        mouse.up()
        page.until(f"{ticks}.includes('8:00')")
        page.until("document.getElementById('spectrogram').src.includes('start=')")
        start, end = page.page.evaluate(
            "['start', 'end'].map(n => new URL(document.getElementById('spectrogram').src)"
            ".searchParams.get(n))"
        )
        assert float(start) == pytest.approx(450, abs=3)
        assert float(end) == pytest.approx(540, abs=3)
        # A click places the playhead within the part that is shown.
        mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 20)
        page.until("Math.abs(document.getElementById('plot').ariaValueNow - 495) < 2")
        page.page.click("[data-view=contrast][data-by='1']")
        page.until("document.getElementById('spectrogram').src.includes('contrast=1.5')")
        page.page.click("#view-whole")
        page.until("document.getElementById('spectrogram').src.endsWith('contrast=1')")
        # Far in, by keys: the picture is much wider than the page, and stays in its frame.
        page.page.focus("#plot")
        for _ in range(12):
            page.page.keyboard.press("ArrowUp")
        width = "document.getElementById('spectrogram').getBoundingClientRect().width"
        page.until(f"{width} > 10 * innerWidth")
        assert page.page.evaluate("document.activeElement.matches('#plot:focus-visible')")
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_class_of_nothing_is_shown_apart(browser, tmp_path):
    project = make_project(tmp_path, audit_share=0, nothing=CLASSES[0])
    with served(project, person="ann") as serving, opened(browser, serving.url) as page:
        page.question()
        names = page.page.locator("#classes button:not(.add) > span").all_inner_texts()
        assert names[-1].split("\n") == [CLASSES[0], "nothing of interest"]
        assert page.page.locator("#classes .nothing").count() == 1
        # Its key stays; the dialog takes the meaning away again.
        page.page.keyboard.press("1")
        page.until("document.querySelector('#count b')?.textContent", "1")
        page.page.click("#change-open")
        page.page.select_option("#change-class", CLASSES[0])
        page.page.check("#change input[value=nothing]")
        assert page.page.inner_text("#change-nothing") == "Is a class like the others"
        page.page.click("#change button.main")
        page.until("document.querySelectorAll('#classes .nothing').length", 0)
        # Another person gives it back: the open page follows.
        project.mark_nothing(CLASSES[1])
        page.until("document.querySelector('#classes .nothing')?.title", CLASSES[1])


def test_the_picture_fits_its_axes_while_another_one_is_drawn(page):
    page.page.keyboard.press("?")
    page.page.uncheck("#set-autoplay")
    page.page.reload()
    page.until("document.getElementById('length').textContent", "1.00")
    page.until("document.getElementById('spectrogram').naturalWidth > 0")
    asked, held = [], []
    page.page.on("request", lambda request: asked.append(request.url))
    page.page.route("**/spectrogram.png*", lambda route: held.append(route))
    for _ in range(3):
        page.page.keyboard.press("ArrowUp")
    page.page.keyboard.press("Shift+ArrowUp")
    # The whole picture, so large that the shown part of it fills the plot.
    box = "document.getElementById('spectrogram').getBoundingClientRect()"
    plot = page.page.locator("#plot").bounding_box()
    page.until(f"Math.round({box}.width)", round(8 * plot["width"]))
    left = page.page.evaluate(f"{box}.left")
    assert left == pytest.approx(plot["x"] - 7 / 16 * 8 * plot["width"], abs=1)
    mel = [math.log1p(f / 700) for f in (0, 1000, 3000, 4000)]
    height = page.page.evaluate(f"{box}.height")
    assert height == pytest.approx(plot["height"] * mel[3] / (mel[2] - mel[1]), rel=0.01)
    assert page.page.evaluate(f"{box}.top") == pytest.approx(
        plot["y"] - height * (mel[3] - mel[2]) / mel[3], abs=1
    )
    assert page.text("#picture-note") == ""
    while not any("start=" in url for url in asked):
        page.page.wait_for_timeout(20)
    # One picture for many keys.
    parts = [url.partition("&start=")[2] for url in asked if "start=" in url]
    assert parts == ["0.438&end=0.563"]
    for route in held:
        route.continue_()
    page.until("document.getElementById('spectrogram').src.includes('start=0.438')")
    page.until(f"Math.round({box}.width)", round(plot["width"]))


def test_dialogs_show_their_beginning(browser, serving):
    for width, height in [(1366, 768), (390, 844), (320, 480)]:
        with opened(browser, serving.url, width=width, height=height) as page:
            page.question()
            page.page.click("#help-open")
            assert page.page.evaluate("document.getElementById('help').scrollTop") == 0
            page.page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [1366, 390])
def test_the_file_stands_beside_the_speed(browser, serving, width):
    with opened(browser, serving.url, width=width, height=768) as page:
        page.question()
        speed = page.page.locator("#speed").bounding_box()
        file = page.page.locator("#file").bounding_box()
        assert file["y"] < speed["y"] + speed["height"]
        assert file["x"] >= speed["x"] + speed["width"]
