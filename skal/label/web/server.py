"""The server that people label with: the page, its API, and the process that learns."""

import contextlib
import getpass
import re
import secrets
import socket
from pathlib import Path

import skal
from skal.label.asking.records import ProjectError
from skal.label.web.security import Guard, is_loopback

__all__ = ["create_app", "serve"]

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,200}")
_EXTRA = "labeling in the browser needs the web packages: pip install 'skal[label]'"


def create_app(project, *, hosts=("127.0.0.1", "localhost"), port=None, token=None, person=None):
    """Return the ASGI application of a project.

    Parameters
    ----------
    project : LabelingProject
        Open; who gave it closes it.
    hosts : iterable of str, default=("127.0.0.1", "localhost")
        Names by which the server may be called, with or without a port. Requests for other
        names are refused.
    port : int, default=None
        The port it is reached at, if it is known.
    token : str, default=None
        What a browser must show once, as ``/?token=...``: letters, digits, ``-`` and ``_``, at
        least 8 of them. None lets in everyone who reaches the server.
    person : str, default=None
        Who labels; None lets the page ask for a name.

    Returns
    -------
    Guard
        The application, behind the checks of `skal.label.web.security`.

    Raises
    ------
    ImportError
        If the extra ``label`` is not installed.
    ValueError
        If the token has other characters.
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token has letters, digits, '-' and '_', and at least 8 of them")
    try:
        from fastapi import FastAPI
        from fastapi.staticfiles import StaticFiles

        from skal.label.web.routes import ROUTERS
        from skal.label.web.routes.errors import add_error_handlers
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is missing: {_EXTRA}", name=error.name) from error
    from skal.label.store.settings import read_settings
    from skal.label.web.sounds import SoundShelf

    with project.store.read() as connection:
        created = read_settings(connection)["created"]

    # FastAPI's own pages of the API load their script from elsewhere: they are left out.
    app = FastAPI(title="skal", version=skal.__version__, docs_url=None, redoc_url=None)
    app.state.project = project
    app.state.shelf = SoundShelf()
    app.state.person = person
    # Answers that a browser still holds belong to this project, whatever its name and port.
    app.state.created = created
    for router in ROUTERS:
        app.include_router(router)
    add_error_handlers(app)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    return Guard(app, hosts=hosts, port=port, token=token)


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
    """Serve a project to browsers until the process is told to stop (Ctrl-C, SIGTERM).

    Parameters
    ----------
    project : LabelingProject
        Open; who gave it closes it.
    host : str, default="127.0.0.1"
        Address to listen at. Another one than this machine's own lets others in who know the
        token.
    port : int, default=0
        Port to listen at; 0 is any that is free.
    hosts : iterable of str, default=()
        More names by which the server may be called, such as that of a proxy.
    token : str, default=None
        See `create_app`; None makes one up where others can reach the server.
    person : str, default=None
        Who labels. None: whoever runs this, or, where others can reach the server, the page
        asks for a name.
    train : bool, default=True
        Whether a process learns from the answers.
    on_ready : callable, default=None
        Called with the address to open, as a str, once browsers can connect.

    Raises
    ------
    ProjectError
        If the address is in use or not this machine's ("address"), see there.
    ImportError
        If the extra ``label`` is not installed.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise ImportError(f"{error.name} is missing: {_EXTRA}", name=error.name) from error
    from skal.label.learning.worker import TrainingWorker

    listener = _listen(host, port)
    if person is None and is_loopback(host):
        person = _user()
    with contextlib.closing(listener):
        port = listener.getsockname()[1]
        if token is None and not is_loopback(host):
            token = secrets.token_urlsafe(24)
        names = [*_names(host, port), *hosts]
        app = create_app(project, hosts=names, port=port, token=token, person=person)
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        address = f"http://{names[0]}/{'' if token is None else f'?token={token}'}"
        server = _server(config, on_ready and (lambda: on_ready(address)))
        with TrainingWorker(project) if train else contextlib.nullcontext():
            server.run(sockets=[listener])


def _server(config, on_ready):
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            if self.started and on_ready is not None:
                on_ready()

    return Server(config)


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Asyncio sends small answers at once (TCP_NODELAY) only where it sees that this is TCP; else
    # every one of them waits 40 ms for the browser's delayed acknowledgment.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ProjectError(
            "address",
            f"cannot listen at {host} port {port} ({getattr(error, 'strerror', None) or error}): "
            "choose another port, or port 0 for any that is free",
        ) from error
    return listener


def _names(host, port):
    """Return the names that browsers reach an address by, the one to open first."""
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
        return None  # a container without a list of users: the page asks
