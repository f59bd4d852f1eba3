"""The API over a real server: questions, answers, sounds, pictures, exports, and hard times."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading

import httpx
import numpy as np
import pytest
import soundfile

from skal.label import LabelingProject, ProjectError
from skal.label.asking.kinds import KINDS
from skal.label.formats import FORMATS
from skal.label.web.server import serve
from tests.label.web.serving import CLASSES, SR, make_project, served, write_sounds


@pytest.fixture
def serving(tmp_path):
    """Return a server of twelve recordings."""
    with served(make_project(tmp_path, audit_share=0), person="ann") as serving:
        yield serving


@pytest.fixture
def client(serving):
    """Return a client of the server."""
    with httpx.Client(base_url=serving.url, timeout=30) as client:
        yield client


def ask(client, person="ann", **parameters):
    """Return the next question."""
    answer = client.get("/api/next", params={"person": person, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def give(client, question, label="high", person="ann", kind="label", **fields):
    """Answer a question and return the response."""
    body = {"question_id": question["question_id"], "person": person, "kind": kind, "label": label}
    return client.post("/api/answers", json={**body, **fields})


def test_ask_answer_undo(client):
    question = ask(client)
    assert (question["guess"], question["duration"]) == (None, 1.0)
    assert "path" not in question  # where files lie is nobody's business
    assert give(client, question, seconds=1.5).json()["duplicate"] is False
    progress = client.get("/api/progress").json()
    assert (progress["n_labeled"], progress["per_class"]["high"]) == (1, 1)
    again = client.post("/api/undo", json={"person": "ann"}).json()
    assert again["clip_id"] == question["clip_id"]
    assert client.get("/api/progress").json()["n_labeled"] == 0
    assert client.post("/api/undo", json={"person": "ann"}).json() is None


def test_an_answer_that_is_sent_twice_counts_once(client, serving):
    question = ask(client)
    first = give(client, question, client_key="0123456789abcdef")
    second = give(client, question, client_key="0123456789abcdef")
    assert first.json()["answer_id"] == second.json()["answer_id"]
    assert second.json()["duplicate"] is True
    assert len(list(serving.project.answers())) == 1


def test_two_people_are_asked_about_different_clips(client):
    asked = [ask(client, "ann"), ask(client, "bob")]
    more = ask(client, "ann", exclude=asked[0]["clip_id"])
    assert len({question["clip_id"] for question in [*asked, more]}) == 3
    stolen = give(client, asked[0], person="bob")
    assert (stolen.status_code, stolen.json()["error"]["code"]) == (409, "lease_lost")
    assert client.post("/api/release", json={"person": "ann"}).status_code == 204


def test_every_clip_is_asked_once_and_then_nothing_is_left(client):
    clips = []
    while (question := ask(client)) is not None:
        clips.append(question["clip_id"])
        give(client, question)
    assert sorted(clips) == list(range(12))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"question_id": 10_000}, 404, "unknown_question"),
        ({"label": "no such class"}, 422, "unknown_class"),
        ({"label": None}, 422, "unknown_class"),
        ({"kind": "nonsense"}, 422, "bad_request"),
    ],
)
def test_wrong_answers_are_told_apart_and_not_stored(client, change, status, code):
    body = {
        "question_id": ask(client)["question_id"],
        "person": "ann",
        "kind": "label",
        "label": "low",
    }
    answer = client.post("/api/answers", json={**body, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert client.get("/api/progress").json()["n_labeled"] == 0


NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "Robert'); DROP TABLE answers;--",
    "../../etc/passwd",
    '"; rm -rf / #',
    "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }}",
    "Grünspecht 🐦 啄木鸟",
]


@pytest.mark.parametrize("name", NASTY)
def test_names_of_classes_are_text_and_nothing_else(client, serving, name):
    added = client.post("/api/classes", json={"name": name})
    assert (added.status_code, added.json()["name"]) == (201, name)
    question = ask(client)
    assert give(client, question, name).status_code == 200
    assert name not in client.get("/").text
    (row,) = csv.DictReader(io.StringIO(client.get("/api/export/csv").text))
    assert row["label"].removeprefix("'") == name
    line = json.loads(client.get("/api/export/jsonl").text)
    assert line["label"] == name
    assert serving.project.progress().per_class[name] == 1


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00b", "x" * 500, "\u202e", "\ud800"])
def test_names_that_cannot_be_shown_are_refused(client, name):
    content = json.dumps({"name": name})
    answer = client.post(
        "/api/classes", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert len(client.get("/api/classes").json()) == len(CLASSES)


def test_a_key_is_used_once(client):
    assert client.post("/api/classes", json={"name": "owl", "key": "o"}).json()["key"] == "o"
    for key in ("o", "u", "ö", "oo", " "):
        answer = client.post("/api/classes", json={"name": f"other {key}", "key": key})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=500-", slice(500, None)),
        ("bytes=-64", slice(-64, None)),
        ("bytes=16000-99999", slice(16000, None)),
        ("bytes=0-0", slice(0, 1)),
    ],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_parts_of_a_sound_are_the_bytes_of_the_whole(tmp_path, wanted, expected, subtype):
    # What browsers play is sent as it is, all else as a WAV made here.
    y = np.random.default_rng(0).uniform(-0.5, 0.5, SR).astype(np.float32)
    path = tmp_path / "sounds" / "a.wav"
    path.parent.mkdir()
    soundfile.write(path, y, SR, subtype=subtype)
    with served(LabelingProject(path.parent, ["a"]).open()) as serving:
        url = f"{serving.url}/api/clips/0/audio"
        whole = httpx.get(url)
        assert whole.headers["accept-ranges"] == "bytes"
        part = httpx.get(url, headers={"range": wanted})
    if subtype == "PCM_16":
        assert whole.content == path.read_bytes()
    heard, _ = soundfile.read(io.BytesIO(whole.content), dtype="float32")
    np.testing.assert_allclose(heard, y, atol=1e-4)
    assert (part.status_code, part.content) == (206, whole.content[expected])
    span = range(len(whole.content))[expected]
    content_range = f"bytes {span[0]}-{span[-1]}/{len(whole.content)}"
    assert part.headers["content-range"] == content_range


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_ranges_that_make_no_sense(tmp_path, subtype):
    path = tmp_path / "sounds" / "a.wav"
    path.parent.mkdir()
    soundfile.write(path, np.linspace(-1, 1, SR), SR, subtype=subtype)
    with served(LabelingProject(path.parent, ["a"]).open()) as serving:
        url = f"{serving.url}/api/clips/0/audio"
        size = len(httpx.get(url).content)
        beyond = httpx.get(url, headers={"range": "bytes=99999999-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        for wanted in ("bytes=5-2", "bytes=--5", "lines=1-2", "bytes=a-b", "bytes=" + "9" * 500):
            answer = httpx.get(url, headers={"range": wanted})
            assert answer.status_code in (200, 400, 416)
            assert answer.status_code != 200 or len(answer.content) == size


def test_a_part_of_a_file_that_changed_is_the_whole(tmp_path):
    path = tmp_path / "sounds" / "a.wav"
    path.parent.mkdir()
    soundfile.write(path, np.linspace(-1, 1, SR), SR)
    with served(LabelingProject(path.parent, ["a"]).open()) as serving:
        url = f"{serving.url}/api/clips/0/audio"
        asked = {"range": "bytes=4-7", "if-range": httpx.get(url).headers["etag"]}
        assert httpx.get(url, headers=asked).status_code == 206
        soundfile.write(path, np.linspace(1, -1, SR + 1), SR)
        now = httpx.get(url, headers=asked)
    assert (now.status_code, now.content) == (200, path.read_bytes())
    assert now.headers["etag"] != asked["if-range"]


def test_a_file_that_goes_after_it_was_looked_at_is_told(tmp_path, monkeypatch):
    path = tmp_path / "sounds" / "a.wav"
    path.parent.mkdir()
    soundfile.write(path, np.linspace(-1, 1, SR), SR)
    with served(LabelingProject(path.parent, ["a"]).open()) as serving:

        def look(clip):
            path.unlink()
            return "audio/wav"

        monkeypatch.setattr("skal.label.web.routes.clip_media.playable_type", look)
        answer = httpx.get(f"{serving.url}/api/clips/0/audio")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "clip_gone")


def test_a_window_is_served_alone(tmp_path):
    y = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * SR).astype(np.float32)
    path = tmp_path / "sounds" / "long.wav"
    path.parent.mkdir()
    soundfile.write(path, y, SR)
    with served(LabelingProject(path.parent, ["a"], window=1.0).open()) as serving:
        info = httpx.get(f"{serving.url}/api/clips/2").json()
        sound = httpx.get(f"{serving.url}/api/clips/2/audio").content
    assert (info["start"], info["end"], info["duration"]) == (2.0, 3.0, 1.0)
    heard, _ = soundfile.read(io.BytesIO(sound), dtype="float32")
    np.testing.assert_allclose(heard, y[2 * SR :], atol=1e-4)


def test_pictures(client):
    url = "/api/clips/0/spectrogram.png"
    light, dark = (client.get(url, params={"theme": theme}) for theme in ("light", "dark"))
    assert light.headers["content-type"] == "image/png"
    assert light.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert light.content != dark.content
    for wrong in ({"width": 100_000}, {"scale": "nan"}, {"theme": "../x"}, {"height": -1}):
        assert client.get(url, params=wrong).status_code == 422


def test_a_clip_that_is_deleted_meanwhile(client, serving):
    first, second = ask(client), None
    (serving.project.root / first["name"]).unlink()
    for what in ("", "/audio", "/spectrogram.png"):
        answer = client.get(f"/api/clips/{first['clip_id']}{what}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "clip_gone")
    assert give(client, first, label=None, kind="bad").status_code == 200
    # Those that are gone before they are asked are set aside, one after the other.
    for path in sorted(serving.project.root.glob("*.wav"))[:5]:
        path.unlink()
    while (second := ask(client)) is not None:
        assert (serving.project.root / second["name"]).exists()
        give(client, second)
    assert client.get("/api/progress").json()["n_problems"] > 0
    assert {problem["name"] for problem in client.get("/api/problems").json()}


def test_a_file_that_is_no_sound_any_more(client, serving):
    question = ask(client)
    (serving.project.root / question["name"]).write_bytes(b"root:x:0:0:not a sound")
    answer = client.get(f"/api/clips/{question['clip_id']}/audio")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unreadable_clip")


def test_a_name_with_markup_and_strange_characters(tmp_path):
    paths = write_sounds(tmp_path / "recordings", 3)
    name = "<img src=x onerror=alert(1)> ü 'a' \"b\" %2e&.wav"
    paths[0].rename(paths[0].with_name(name))
    with served(LabelingProject(tmp_path / "recordings", ["a"]).open()) as serving:
        found = [httpx.get(f"{serving.url}/api/clips/{i}").json()["name"] for i in range(3)]
        assert name in found


@pytest.mark.parametrize("format", ["csv", "jsonl", "audacity", "raven", "labelstudio"])
def test_exports(client, format):
    give(client, ask(client), "low")
    answer = client.get(f"/api/export/{format}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="recordings-')
    assert b"low" in answer.content or format == "audacity"


def test_an_unknown_format_names_the_known_ones(client):
    answer = client.get("/api/export/xlsx")
    assert answer.status_code == 422
    assert "raven" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("code", "status"),
    [("disk_full", 507), ("read_only", 507), ("store", 503), ("locked", 423), ("new_code", 400)],
)
def test_errors_of_the_store_have_their_status(client, serving, monkeypatch, code, status):
    def fail(*arguments, **options):
        raise ProjectError(code, "make room, then answer again")

    monkeypatch.setattr(serving.project, "answer", fail)
    answer = give(client, {"question_id": 1})
    assert answer.status_code == status
    assert answer.json()["error"] == {"code": code, "message": "make room, then answer again"}


def test_a_full_disk_loses_nothing(client, serving):
    give(client, ask(client))
    question = ask(client)
    # SQLite itself says that there is no room, as it does on a disk that is full.
    engine = serving.project.store._engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def limit(raw, _record, _proxy):
        raw.execute(f"PRAGMA max_page_count = {pages}")

    from sqlalchemy import event

    event.listen(engine, "checkout", limit)
    statuses = []
    for i in range(400):
        added = client.post("/api/classes", json={"name": f"{i}" + "x" * 180})
        statuses.append(added.status_code)
        if added.status_code != 201:
            break
    assert (statuses[-1], added.json()["error"]["code"]) == (507, "disk_full")
    event.remove(engine, "checkout", limit)
    engine.dispose()
    assert give(client, question).status_code == 200
    assert client.get("/api/progress").json()["n_labeled"] == 2


def test_many_at_once(serving):
    done = []

    def work(person):
        with httpx.Client(base_url=serving.url, timeout=60) as client:
            while (question := ask(client, person)) is not None:
                assert give(client, question, person=person).status_code == 200
                done.append(question["clip_id"])

    threads = [threading.Thread(target=work, args=[f"person {i}"]) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(12))


def test_an_address_in_use_is_told(tmp_path, serving):
    with pytest.raises(ProjectError, match="another port"):
        serve(serving.project, port=serving.port, train=False)


SCRIPT = """
import sys
from skal.label import LabelingProject
from skal.label.web.server import serve
with LabelingProject(sys.argv[1], ["high", "low"]) as project:
    serve(project, host=sys.argv[2], train=False, on_ready=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_serve_until_told_to_stop(tmp_path, host):
    write_sounds(tmp_path / "recordings", 3)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "recordings"), host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        page, _, query = url.partition("?")
        port = httpx.URL(url).port
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True)
        with client:
            if host == "0.0.0.0":
                assert query.startswith("token=")
                assert client.get("/api/health").status_code == 401
                assert client.get(f"/?{query}").status_code == 200
            else:
                assert page == f"http://127.0.0.1:{port}/"
            assert client.get("/api/health").json()["status"] == "ok"
            question = ask(client)
            assert give(client, question).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) in (0, -signal.SIGTERM)
    with LabelingProject(tmp_path / "recordings") as project:
        assert project.progress().n_labeled == 1


def test_answers_are_on_disk_when_the_server_says_so(tmp_path):
    write_sounds(tmp_path / "recordings", 6)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "recordings"), "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        with httpx.Client(base_url=process.stdout.readline().strip()) as client:
            for _ in range(3):
                assert give(client, ask(client)).status_code == 200
            os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
    file = tmp_path / "recordings" / ".skal" / "project.sqlite"
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (3,)
    connection.close()


def test_the_page_has_every_kind_of_answer_and_every_format(client):
    page = client.get("/").text
    for kind in KINDS.values():
        assert kind.key is None or f'data-kind="{kind.name}" data-key="{kind.key}"' in page
        assert kind.key is None or f"{kind.title.lower()}: {kind.help}" in page
    for format in FORMATS.values():
        assert f'href="api/export/{format.name}"' in page
        assert format.title in page
