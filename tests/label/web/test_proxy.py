"""The page behind a real nginx, which ends TLS and serves it below a path: the guide's lines."""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import skal
from skal.label import ProjectError
from skal.label.web.server import serve
from tests.label.web.browser import launched, opened
from tests.label.web.serving import make_project, served

GUIDE = Path(skal.__file__).parents[1] / "docs" / "guide" / "nginx.conf"
NAME = "label.example.org"


def free_port():
    """Return a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _listens(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def proxied(folder, port):
    """Run nginx with the lines of the guide in front of a port; yield the port of the proxy."""
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: apt-get install {program}")
    front = free_port()
    subject = f"-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME}"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", "req", *subject.split(), *files], check=True, capture_output=True)
    lines = GUIDE.read_text()
    for theirs, ours in [
        ("listen 443 ssl", f"listen 127.0.0.1:{front} ssl"),
        (f"/etc/ssl/certs/{NAME}.pem", str(folder / "cert.pem")),
        (f"/etc/ssl/private/{NAME}.key", str(folder / "key.pem")),
        ("127.0.0.1:8000", f"127.0.0.1:{port}"),
    ]:
        assert theirs in lines
        lines = lines.replace(theirs, ours)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    whole = (
        f"daemon off; {user} pid {folder}/pid; error_log {folder}/errors;"
        f"events {{}} http {{ access_log off; {places} {lines} }}"
    )
    (folder / "nginx.conf").write_text(whole)
    command = ["nginx", "-p", folder, "-e", folder / "errors", "-c", folder / "nginx.conf"]
    process = subprocess.Popen(command)
    try:
        end = time.monotonic() + 20
        while not _listens(front):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        yield front
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("token", [None, "a-secret-token"])
def test_people_label_through_the_proxy(tmp_path, token):
    project = make_project(tmp_path, audit_share=0)
    with (
        served(project, hosts=[NAME], token=token) as serving,
        proxied(tmp_path, serving.port) as port,
    ):
        headers = {"Host": f"{NAME}:{port}"}
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        context.check_hostname = False
        with httpx.Client(verify=context, headers=headers, follow_redirects=False) as client:
            base = f"https://127.0.0.1:{port}"
            moved = client.get(f"{base}/birds")
            assert moved.headers["location"].endswith("/birds/")
            if token is not None:
                assert client.get(f"{base}/birds/").status_code == 401
                given = client.get(f"{base}/birds/", params={"token": token})
                assert given.headers["location"] == "./"
                cookie = given.headers["set-cookie"]
                assert "Secure" in cookie and "Path" not in cookie
                client.headers["Authorization"] = f"Bearer {token}"
            page = client.get(f"{base}/birds/")
            assert page.status_code == 200
            assert re.findall(r'(?:src|href)="(/[^"]*)"', page.text) == []
            question = client.get(f"{base}/birds/api/next", params={"person": "ann"}).json()
            body = {"question_id": question["question_id"], "person": "ann"}
            body |= {"kind": "label", "label": "low"}
            ours = {"Origin": f"https://{NAME}:{port}", "Sec-Fetch-Site": "same-origin"}
            theirs = {"Origin": "https://evil.example.org"}
            answers = f"{base}/birds/api/answers"
            assert client.post(answers, json=body, headers=theirs).status_code == 403
            assert client.post(answers, json=body, headers=ours).status_code == 200
            wrong = client.get(f"{base}/birds/", headers={"Host": "evil.example.org"})
            assert wrong.status_code == 421
        assert len(project.labels()) == 1


def test_the_page_works_below_a_path(tmp_path):
    project = make_project(tmp_path, audit_share=0)
    arguments = [f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    with (
        served(project, hosts=[NAME], person="ann", token="a-secret-token") as serving,
        proxied(tmp_path, serving.port) as port,
        launched(arguments) as browser,
    ):
        url = f"https://{NAME}:{port}/birds/?token=a-secret-token"
        with opened(browser, url, ignore_https_errors=True) as page:
            page.question()
            assert page.page.url == f"https://{NAME}:{port}/birds/"
            page.until("document.getElementById('length').textContent", "1.00")
            page.until("document.getElementById('spectrogram').naturalWidth > 0")
            page.page.keyboard.press("1")
            page.until("document.querySelector('#count b')?.textContent", "1")
            with page.page.expect_download() as download:
                page.page.click("text=Download the labels")
                page.page.click("text=CSV table")
            assert "high" in Path(download.value.path()).read_text()
        assert [row.person for row in project.labels()] == ["ann"]


@pytest.mark.parametrize("name", ["", "a b", "https://", "x:y:z"])
def test_what_is_no_public_name(tmp_path, name):
    with (
        make_project(tmp_path, 3) as project,
        pytest.raises(ProjectError, match="not a host name"),
    ):
        serve(project, hosts=[name], train=False)


LOOP = """
import asyncio, sys
from skal.label import LabelingProject
from skal.label.web.server import serve
async def cell():
    with LabelingProject(sys.argv[1]) as project:
        serve(project, train=False, on_ready=lambda address: print(address, flush=True))
asyncio.run(cell())
"""


def test_a_server_inside_a_running_loop(tmp_path):
    make_project(tmp_path, 3).close()
    command = [sys.executable, "-c", LOOP, str(tmp_path / "recordings")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        assert httpx.get(address).status_code == 200
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert "KeyboardInterrupt" in said
    finally:
        process.kill()
        process.communicate()
