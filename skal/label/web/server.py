"""The server: the page, its API, and the training process."""

import asyncio
import contextlib
import getpass
import re
import secrets
import signal
import socket
import threading
from pathlib import Path

import skal
from skal.label.store.project_error import ProjectError
from skal.label.web.security import Guard, is_host, is_loopback

__all__ = ["check_token", "create_app", "patient_protocol", "serve"]

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,200}")
# Seconds that a client has to send a request.
_PATIENCE = 30
_EXTRA = "labeling in the browser needs the web packages: pip install 'skal-audio[label]'"


def create_app(project, *, hosts=("127.0.0.1", "localhost"), port=None, token=None, person=None):
    """Return the ASGI application of a project."""
    check_token(token)
    try:
        import anyio
        from fastapi import FastAPI
        from fastapi.staticfiles import StaticFiles

        from skal.label.web.routes import ROUTERS
        from skal.label.web.routes.error_json import add_error_handlers
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is missing: {_EXTRA}", name=error.name) from error
    from skal.label.store.settings import read_settings
    from skal.label.web.sounds import SoundShelf

    with project.store.read() as connection:
        created = read_settings(connection)["created"]

    # Disable FastAPI's own API pages: they load scripts from other servers.
    app = FastAPI(title="skal", version=skal.__version__, docs_url=None, redoc_url=None)
    app.state.project = project
    app.state.shelf = SoundShelf()
    # A large picture takes 150 MB, so only two are drawn at a time.
    app.state.drawing = anyio.CapacityLimiter(2)
    app.state.person = person
    app.state.finder = None  # created by the first search
    # Identifies the project to browsers that still hold unsent answers.
    app.state.created = created
    for router in ROUTERS:
        app.include_router(router)
    add_error_handlers(app)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    return Guard(app, hosts=hosts, port=port, token=token)


def check_token(token):
    """Refuse a token that is easy to guess or does not fit in an address."""
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token needs at least 8 letters, digits, '-' and '_'")


def serve(
    project,
    *,
    host="127.0.0.1",
    port=0,
    hosts=(),
    token=None,
    person=None,
    train=True,
    on_ready=None,
):
    """Serve a project to browsers until the process is stopped (Ctrl-C, SIGTERM).

    Inside a running event loop, as in a notebook, the server runs in its own thread, and this call
    waits until it is interrupted.

    Parameters
    ----------
    project : LabelingProject
        Open; the caller closes it.
    host : str, default="127.0.0.1"
        Address to listen at. Other addresses than the default let people with the token label from
        other machines.
    port : int, default=0
        Port to listen at. 0: a free one.
    hosts : iterable of str, default=()
        Public names of the server behind a proxy, such as ``label.example.org``; with a port,
        only that port.
    token : str, default=None
        Secret that a browser must send once, as ``/?token=...``: at least 8 letters, digits,
        ``-`` and ``_``. None: a random one if other machines can reach the server.
    person : str, default=None
        Name of the person. None: your login name; the page asks for a name if other machines can
        reach the server or it has public names.
    train : bool, default=True
        Train the model in the background.
    on_ready : callable, default=None
        Called with the address to open, a str, once browsers can connect.

    Raises
    ------
    ProjectError
        With code "address" if the server cannot listen at this address or port.
    ImportError
        If the extra ``label`` is not installed.

    See Also
    --------
    label_in_terminal : The same without a browser.
    LabelingProject : The project.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is missing: {_EXTRA}", name=error.name) from error
    from skal.label.learning.worker import TrainingWorker

    hosts = [_checked_name(name) for name in hosts]
    listener = _listen(host, port)
    if person is None and is_loopback(host) and not hosts:
        person = _user()
    with contextlib.closing(listener):
        port = listener.getsockname()[1]
        if token is None and not is_loopback(host):
            token = secrets.token_urlsafe(24)
        names = [*_names(host, port), *hosts]
        app = create_app(project, hosts=names, port=port, token=token, person=person)
        config = uvicorn.Config(
            app,
            http=patient_protocol(),
            log_level="warning",
            server_header=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        address = f"http://{names[0]}/{'' if token is None else f'?token={token}'}"
        server = _server(config, on_ready and (lambda: on_ready(address)))
        with TrainingWorker(project) if train else contextlib.nullcontext():
            _run(server, listener)


def _run(server, listener):
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        server.run(sockets=[listener])
        return
    # A loop cannot run inside another loop. Wait in short steps: an interrupt only ends a step.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with _interruptible():
        try:
            while thread.is_alive():
                thread.join(0.2)
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _interruptible():
    """Make Ctrl-C raise KeyboardInterrupt; asyncio would only cancel a task."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _checked_name(name):
    """Return a public host name, without scheme and path."""
    plain = re.sub(r"^https?://|/.*$", "", name.strip()).lower()
    if not is_host(plain):
        raise ProjectError(
            "address", f"{name!r:.100} is not a host name, such as label.example.org"
        )
    return plain


def _server(config, on_ready):
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            if self.started and on_ready is not None:
                on_ready()

    return Server(config)


def patient_protocol():
    """Return uvicorn's HTTP protocol with a timeout for incomplete requests."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class _Patient(H11Protocol):
        _waiting = None

        def connection_made(self, transport):
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc):
            self._waiting.cancel()
            super().connection_lost(exc)

        def on_response_complete(self):
            super().on_response_complete()
            self._wait()

        def _wait(self):
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting = self.loop.call_later(_PATIENCE, self._give_up)

        def _give_up(self):
            if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
                self.transport.close()

    return _Patient


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only if it knows the protocol is TCP. Without it, each small answer
    # waits 40 ms for the browser's delayed acknowledgment.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ProjectError(
            "address",
            f"cannot listen on {host}:{port} ({getattr(error, 'strerror', None) or error}): "
            "choose another port, or port 0 for a free one",
        ) from error
    return listener


def _names(host, port):
    """Return the names of the server; the first is the address to open."""
    if is_loopback(host):
        names = dict.fromkeys([_in_url(host), "127.0.0.1", "localhost", "[::1]"])
    elif host in ("0.0.0.0", "::", ""):
        names = [socket.gethostname(), "127.0.0.1", "localhost"]
    else:
        names = [_in_url(host)]
    return [f"{name}:{port}" for name in names]


def _in_url(host):
    return f"[{host}]" if ":" in host else host


def _user():
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None  # containers may have no users; then the page asks
