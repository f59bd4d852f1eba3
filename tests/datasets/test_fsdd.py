"""FSDD: the real folder, odd folders, and a download from a server on loopback that breaks."""

import http.server
import shutil
import threading
import zipfile

import numpy as np
import pytest
import requests
import soundfile

from skal.datasets import DatasetError, fetch_fsdd, load_fsdd
from skal.datasets._download import content_digest, data_folder


def test_real_folder(fsdd_home):
    data = load_fsdd(fsdd_home)
    assert len(data.paths) == 3000 and np.bincount(data.target).tolist() == [300] * 10
    assert (data.split == "test").sum() == 300
    assert sorted(set(data.groups)) == sorted(
        ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
    )
    for path, digit, speaker, part in zip(
        data.paths, data.target, data.groups, data.split, strict=True
    ):
        name, who, take = path.rsplit("/", 1)[1].removesuffix(".wav").split("_")
        assert (int(name), who) == (digit, speaker)
        assert (part == "test") == (int(take) < 5)
    np.testing.assert_array_equal(load_fsdd(fsdd_home / "recordings").paths, data.paths)


@pytest.fixture
def small_fsdd(tmp_path):
    """Return a folder with six recordings named like those of the data set."""
    folder = tmp_path / "made" / "recordings"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for digit in (0, 7):
        for take in (0, 4, 5):
            y = rng.normal(scale=0.1, size=4000)
            soundfile.write(folder / f"{digit}_ann_{take}.wav", y, 8000)
    return folder.parent


def test_odd_folders(small_fsdd, tmp_path):
    data = load_fsdd(small_fsdd)
    assert data.target.tolist() == [0, 0, 0, 7, 7, 7]
    assert data.split.tolist() == ["test", "test", "train"] * 2
    (small_fsdd / "recordings" / "hello.wav").touch()
    (small_fsdd / "recordings" / "9_bob.wav").touch()
    (small_fsdd / "recordings" / "8_cleo_1.WAV").touch()
    # What macOS leaves on a stick is no recording.
    (small_fsdd / "recordings" / "._0_ann_0.wav").touch()
    with pytest.raises(DatasetError, match=r"(?s)3 problems.*8_cleo.*9_bob\.wav.*hello\.wav"):
        load_fsdd(small_fsdd)
    with pytest.warns(UserWarning, match="3 problems"):
        data = load_fsdd(small_fsdd, on_error="warn")
    assert len(data.paths) == 6 and len(data.problems) == 3 and data.extra == []
    with pytest.raises(FileNotFoundError, match="fetch_fsdd"):
        load_fsdd(tmp_path / "nowhere")


class Server:
    """Serve one file on loopback; break the connection after some bytes while told to."""

    def __init__(self, content):
        self.content, self.break_after, self.starts = content, None, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
                outer.starts.append(start)
                self.send_response(206 if wanted else 200)
                body = outer.content[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: outer.break_after])
                self.close_connection = True

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/fsdd.zip"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def archive(small_fsdd):
    path = small_fsdd / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in (small_fsdd / "recordings").iterdir():
            packed.write(file, f"fsdd-26eb/recordings/{file.name}")
        packed.writestr("fsdd-26eb/../../evil/recordings/../1_eve_0.wav", b"x")
        packed.writestr("fsdd-26eb/README.md", b"hello")
    return path.read_bytes(), content_digest((small_fsdd / "recordings").iterdir())


def test_download(archive, small_fsdd, tmp_path, monkeypatch):
    content, digest = archive
    monkeypatch.setenv("SKAL_DATA", str(tmp_path / "cache"))
    assert data_folder() == tmp_path / "cache"
    with Server(content) as server:
        server.break_after = 5000
        with pytest.raises(requests.exceptions.RequestException):
            fetch_fsdd(url=server.url, expected=digest)
        server.break_after = None
        data = fetch_fsdd(url=server.url, expected=digest)
        assert server.starts == [0, 4096]
        again = fetch_fsdd(url=server.url, expected=digest)
        assert len(server.starts) == 2
    assert data.target.tolist() == load_fsdd(small_fsdd).target.tolist()
    np.testing.assert_array_equal(again.paths, data.paths)
    assert all(path.startswith(str(tmp_path / "cache")) for path in data.paths)
    assert [p.name for p in (tmp_path / "cache" / "fsdd").iterdir()] == ["recordings"]


def test_wrong_content_is_refused_and_forgotten(archive, tmp_path):
    content, digest = archive
    home = tmp_path / "home"
    with Server(content[:-400]) as server:
        with pytest.raises(ValueError, match="as published"):
            fetch_fsdd(home, url=server.url, expected=digest)
        assert not (home / "recordings").exists()
        server.content = content
        assert len(fetch_fsdd(home, url=server.url, expected=digest).paths) == 6
    shutil.rmtree(home)
    with Server(content) as server, pytest.raises(ValueError, match="checksum"):
        fetch_fsdd(home, url=server.url)
