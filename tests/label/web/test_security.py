"""Who is let in: hosts, origins, tokens and sizes, asked of the guard and of a real server."""

import asyncio
import http.client
import json
import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skal.label.web.security import MAX_BODY, Guard, is_loopback
from skal.label.web.server import create_app
from tests.label.web.serving import make_project, served

TOKEN = "correct-horse-battery"


async def _echo(scope, receive, send):
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def ask(guard, path="/", method="GET", headers=(), body=b"", query=b""):
    """Return status, headers and body of the answer to a request."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    sent = []
    half = len(body) // 2
    parts = [{"body": body[:half], "more_body": True}, {"body": body[half:], "more_body": False}]
    messages = [{"type": "http.request", **part} for part in parts]

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope | {"query_string": query}, receive, send))
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], given, b"".join(m.get("body", b"") for m in sent[1:])


HOST = ("Host", "127.0.0.1:8000")
LOCAL = Guard(_echo, hosts=["127.0.0.1:8000", "localhost", "[::1]:8000"], port=8000)
REMOTE = Guard(_echo, hosts=["lab.example:8000"], port=8000, token=TOKEN)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("LOCALHOST:8000", 200),
        ("localhost", 200),
        ("localhost:99", 200),
        ("[::1]:8000", 200),
        ("127.0.0.1", 421),
        ("127.0.0.1:8001", 421),
        ("evil.example", 421),
        ("localhost.evil.example:8000", 421),
        ("localhost@evil.example:8000", 421),
        ("evil.example@127.0.0.1:8000", 421),
        ("127.0.0.1:8000/evil", 421),
        ("192.168.1.4:8000", 421),
        ("localhost:8000:8000", 421),
        ("[::1]:8000evil", 421),
        ("", 421),
    ],
)
def test_only_known_hosts_are_answered(host, status):
    assert ask(LOCAL, headers=[("Host", host)])[0] == status


def test_no_host_and_two_hosts_are_refused():
    assert ask(LOCAL)[0] == 421
    assert ask(LOCAL, headers=[HOST, HOST])[0] == 421


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=40))
def test_any_other_host_is_refused(host):
    known = host.lower().partition(":")[0] == "localhost" and host.count(":") <= 1
    if not known and host not in ("127.0.0.1:8000", "[::1]:8000"):
        assert ask(LOCAL, headers=[("Host", host)])[0] == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 200),  # a script: it could send any header
        ([("Origin", "http://127.0.0.1:8000")], 200),
        ([("Sec-Fetch-Site", "same-origin")], 200),
        ([("Origin", "http://evil.example")], 403),
        ([("Origin", "http://127.0.0.1:8001")], 403),
        ([("Origin", "http://localhost:8000")], 403),  # another origin than the one asked
        ([("Origin", "null")], 403),
        ([("Origin", "http://127.0.0.1:8000"), ("Origin", "http://evil.example")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "same-site")], 403),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/answers"), ("GET", "/api/next")])
def test_other_pages_cannot_use_the_api(headers, status, method, path):
    assert ask(LOCAL, path, method, [HOST, *headers])[0] == status


def test_a_link_from_another_page_opens_the_page_alone():
    cross = [HOST, ("Sec-Fetch-Site", "cross-site")]
    assert ask(LOCAL, "/", "GET", cross)[0] == 200
    assert ask(LOCAL, "/", "POST", cross)[0] == 403


LAB = ("Host", "lab.example:8000")


def test_a_token_is_asked_for_and_kept_in_a_cookie():
    status, headers, body = ask(REMOTE, headers=[LAB])
    assert (status, b"token" in body) == (401, True)
    query = b"token=" + TOKEN.encode() + b"&person=ann"
    status, headers, _ = ask(REMOTE, headers=[LAB], query=query)
    assert (status, headers["location"]) == (303, "./?person=ann")
    cookie, _, rules = headers["set-cookie"].partition(";")
    assert {"HttpOnly", "SameSite=Lax"} <= set(rules.replace(" ", "").split(";"))
    assert ask(REMOTE, headers=[LAB, ("Cookie", cookie)])[0] == 200
    assert ask(REMOTE, headers=[LAB, ("Authorization", f"Bearer {TOKEN}")])[0] == 200


@pytest.mark.parametrize("path", ["/", "/static/label.js", "/api/progress", "/openapi.json"])
@pytest.mark.parametrize(
    "header",
    [
        ("Cookie", "skal-8000=wrong"),
        ("Cookie", f"skal-8001={TOKEN}"),
        ("Cookie", "\x00=;;; \xff"),
        ("Authorization", f"Basic {TOKEN}"),
        ("Authorization", "Bearer "),
        ("Authorization", f"Bearer {TOKEN[:-1]}"),
    ],
)
def test_a_wrong_token_opens_nothing(path, header):
    assert ask(REMOTE, path, headers=[LAB, header])[0] == 401
    assert ask(REMOTE, path, headers=[LAB], query=b"token=wrong")[0] == 401


def test_an_address_may_be_called_where_there_is_a_token():
    # A page that rebinds its name to this machine is called by that name.
    cookie = ("Cookie", f"skal-8000={TOKEN}")
    assert ask(REMOTE, headers=[("Host", "192.168.1.4:8000"), cookie])[0] == 200
    assert ask(REMOTE, headers=[("Host", "192.168.1.4:8001"), cookie])[0] == 421
    assert ask(REMOTE, headers=[("Host", "evil.example:8000"), cookie])[0] == 421


def test_a_body_is_read_up_to_its_limit():
    body = b"x" * MAX_BODY
    assert ask(LOCAL, "/", "POST", [HOST], body)[::2] == (200, body)
    assert ask(LOCAL, "/", "POST", [HOST], body + b"x")[0] == 413
    long = [HOST, ("Content-Length", str(MAX_BODY + 1))]
    assert ask(LOCAL, "/", "POST", long)[0] == 413
    assert ask(LOCAL, "/", "POST", [HOST, ("Content-Length", "1e9")])[0] == 413


@pytest.mark.parametrize(("host", "path"), [("127.0.0.1:8000", "/"), ("evil", "/api/next")])
def test_every_answer_has_the_headers(host, path):
    headers = ask(LOCAL, path, headers=[("Host", host)])[1]
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_websockets_are_closed():
    sent = []

    async def send(message):
        sent.append(message["type"])

    asyncio.run(LOCAL({"type": "websocket", "headers": []}, None, send))
    assert sent == ["websocket.close"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")],
        *[(host, False) for host in ("0.0.0.0", "192.168.1.4", "lab.example", "")],
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "token", ["", "short", "with space", "with\r\nheader-header", "a;b=ccccccc"]
)
def test_a_token_is_plain(token):
    with pytest.raises(ValueError, match="a token needs"):
        create_app(None, token=token)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a server of a project, with a file beside it that nobody may read."""
    folder = tmp_path_factory.mktemp("security")
    (folder / "secret.txt").write_text("do not tell")
    with served(make_project(folder)) as serving:
        yield serving


def _raw(serving, lines, body=b""):
    """Send bytes as they are and return the status line."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return connection.makefile("rb").readline().split()[1:2]


def test_forged_requests_to_a_real_server(server):
    host = f"Host: 127.0.0.1:{server.port}"
    assert _raw(server, ["GET / HTTP/1.1", host, "Connection: close"]) == [b"200"]
    assert _raw(server, ["GET / HTTP/1.1", "Host: evil.example"]) == [b"421"]
    assert _raw(server, ["GET / HTTP/1.0"]) == [b"421"]
    post = ["POST /api/undo HTTP/1.1", host, "Content-Type: application/json"]
    assert _raw(server, [*post, "Origin: http://evil", "Content-Length: 0"]) == [b"403"]
    assert _raw(server, [*post, "Content-Length: 99999999"]) == [b"413"]
    assert _raw(server, [*post, "Content-Length: -1"])[0][:1] == b"4"


def test_an_endless_body_is_cut_off(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def parts():
        for _ in range(8):
            yield b"x" * 16_384

    try:
        connection.request("POST", "/api/answers", parts(), encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        # The server may hang up while we are still talking; it is well all the same.
        assert httpx.get(f"{server.url}/api/health").json()["status"] == "ok"
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../pyproject.toml",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static//etc/passwd",
        "/api/clips/../../secret.txt/audio",
        "/api/clips/..%2f..%2fsecret.txt/audio",
        "/api/clips/%2fetc%2fpasswd/audio",
        "/api/clips/-1/audio",
        "/api/clips/1e3/audio",
        "/api/clips/99999999999999999999/audio",
        "/api/export/..%2f..%2fsecret.txt",
        "/../secret.txt",
    ],
)
def test_no_path_leads_to_other_files(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert 400 <= answer.status < 500
    assert b"do not tell" not in text
    assert b"root:" not in text
    assert b"def create_app" not in text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"question_id": 1, "person": "\\ud800", "kind": "skip"}',
        b'{"question_id": 1, "person": "a\\u0000b", "kind": "skip"}',
        b'{"question_id": 99999999999999999999, "person": "a", "kind": "skip"}',
        b'{"question_id": 1, "person": "a", "kind": "skip", "seconds": NaN}',
        b'{"question_id": 1, "person": "a", "kind": "undo"}',
        b'{"question_id": 1, "person": "a", "kind": "label", "label": {"$ne": 1}}',
        b'{"question_id": true, "person": ["a"], "kind": "label"}',
        b'{"question_id": 1, "person": "a", "kind": "skip", "extra": 1}',
    ],
)
def test_malformed_bodies_are_told_what_is_wrong(server, body):
    url = f"{server.url}/api/answers"
    answer = httpx.post(url, content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
    assert json.loads(httpx.get(f"{server.url}/api/progress").text)["n_labeled"] == 0


@pytest.mark.parametrize(
    "half", [b"GET / HT", b"POST /api/undo HTTP/1.1\r\nHost: %h\r\nContent-Length: 40\r\n\r\n{"]
)
def test_half_a_request_is_not_waited_for(server, monkeypatch, half):
    monkeypatch.setattr("skal.label.web.server._PATIENCE", 0.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(half.replace(b"%h", f"127.0.0.1:{server.port}".encode()))
        received = b""
        while piece := connection.recv(4096):  # would time out
            received += piece
        assert b"200" not in received
