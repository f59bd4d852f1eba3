"""What the tests of the server share: sounds, a project, a real server on loopback."""

import contextlib
import socket
import threading
import time

import numpy as np
import soundfile
import uvicorn

from skal.label import LabelingProject
from skal.label.web.server import create_app, patient_protocol

CLASSES = ("high", "low", "noise")
SR = 8000


def sound(name, seed):
    """Return a second of what the name of a class says."""
    rng = np.random.default_rng(seed)
    t = np.arange(SR) / SR
    tone = {"high": 2000, "low": 300}.get(name)
    y = np.sin(2 * np.pi * tone * t) if tone else rng.standard_normal(SR)
    return (0.1 * y + 0.01 * rng.standard_normal(SR)).astype(np.float32)


def write_sounds(folder, n=12, classes=CLASSES):
    """Write recordings, named by numbers, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:03}.wav" for i in range(n)]
    for i, path in enumerate(paths):
        soundfile.write(path, sound(classes[i % len(classes)], i), SR, subtype="PCM_16")
    return paths


def key_of(name):
    """Return the key of the class that a recording has, by the number that is its name."""
    return str(int(name.partition(".")[0]) % len(CLASSES) + 1)


def make_project(folder, n=12, classes=CLASSES, **settings):
    """Return an open project of recordings, which asks for clips at random."""
    write_sounds(folder / "recordings", n)
    return LabelingProject(folder / "recordings", classes, **settings).open()


class Serving:
    """A server in a thread, which can be stopped and started again at the same port."""

    def __init__(self, project, **options):
        self.project = project
        self.options = options
        self.port = 0
        self.start()

    def start(self):
        """Listen at the port of the last time, or any."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        hosts = [f"127.0.0.1:{self.port}", f"localhost:{self.port}"]
        app = create_app(self.project, **{"hosts": hosts, "port": self.port, **self.options})
        self.server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=patient_protocol(),
                log_level="critical",
                lifespan="off",
                server_header=False,
            )
        )
        arguments = {"sockets": [listener]}
        self.thread = threading.Thread(target=self.server.run, kwargs=arguments, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self):
        """Close all connections, as a killed server does."""
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(timeout=20)

    @property
    def url(self):
        """Return the address of the page."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def served(project, **options):
    """Serve a project for as long as the block lasts, then close it."""
    serving = Serving(project, **options)
    try:
        yield serving
    finally:
        serving.stop()
        project.close()
