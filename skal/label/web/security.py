"""Request checks: who may send requests, from where (a proxy, too), and how large."""

# The server runs on a person's own machine. It defends against other pages in the same browser
# (cross-site requests, DNS rebinding), other people in the same network, and scripts in names of
# classes or files. It is plain ASGI and independent of the routes.

import hmac
import ipaddress
import json
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

__all__ = ["MAX_BODY", "Guard", "is_host", "is_loopback", "refusal"]

# Largest request body, in bytes.
MAX_BODY = 64 * 1024

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/@\[\]?#]+)(?::(?P<port>\d{1,5}))?")
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with it, browsers hide the origin of some of our own requests.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Refused(Exception):
    """A refused request: HTTP status, code for programs, message for people."""

    def __init__(self, status, code, message):
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message


class Guard:
    """ASGI middleware that passes only requests meant for this server."""

    # `hosts` are the allowed Host headers; a name without a port stands for every port. With a
    # `token` and a `port`, every IP address with this port is allowed too: DNS rebinding needs a
    # host name and lacks the token. The token comes once in ``/?token=...`` and then in a cookie,
    # or in ``Authorization: Bearer ...``; without a token, the server admits every client.

    def __init__(self, app, *, hosts, port=None, token=None, max_body=MAX_BODY):
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.port = port
        self.token = token
        self.max_body = max_body
        # All ports of a host share cookies; two projects must not overwrite each other's token.
        self.cookie = f"skal-{port}" if port else "skal"

    async def __call__(self, scope, receive, send):
        """Handle a connection; see the ASGI specification."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        try:
            host = self._check_host(scope)
            self._check_origin(scope, host)
            if self.token is not None and self._wants_cookie(scope):
                await self._give_cookie(scope, send)
                return
            self._check_token(scope)
            receive = await _limited(scope, receive, self.max_body)
        except Refused as refused:
            await refusal(refused.status, refused.code, refused.message, scope, send)
            return
        await self.app(scope, receive, send)

    def _check_host(self, scope):
        hosts = _all(scope, b"host")
        host = hosts[0].lower() if len(hosts) == 1 else None
        if host is None or not self._is_ours(host):
            raise Refused(
                421,
                "wrong_host",
                "the server does not have that name: open the address that skal printed, or "
                "start skal with this name: --name HOST",
            )
        return host

    def _is_ours(self, host):
        if host in self.hosts:
            return True
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name, port = match["name"].strip("[]"), match["port"]
        called_by_address = self.token is not None and port == str(self.port)
        return match["name"] in self.hosts or (called_by_address and _is_address(name))

    def _check_origin(self, scope, host):
        """Refuse requests from pages of other origins."""
        # A GET for the next question reserves a clip, so the whole API is closed to other pages.
        # Only the page itself may be linked from anywhere.
        if scope["method"] in _SAFE_METHODS and not scope["path"].startswith("/api"):
            return
        origins = _all(scope, b"origin")
        sites = _all(scope, b"sec-fetch-site")
        foreign = [o for o in origins if not self._is_our_origin(o.lower(), host)]
        if foreign or len(origins) > 1 or any(s not in ("same-origin", "none") for s in sites):
            raise Refused(
                403,
                "foreign_origin",
                "requests from pages of other servers are refused; if skal runs behind a proxy, "
                "start it with its public host name: --name HOST",
            )

    def _is_our_origin(self, origin, host):
        """Return whether a page of this origin is ours: of the same host, or of a public name."""
        scheme, _, place = origin.partition("://")
        if scheme not in ("http", "https"):
            return False
        if place in (host, *self.hosts):
            return True
        # Other ports of this machine belong to other programs; a public name belongs to a proxy.
        match = _HOST.fullmatch(place)
        name = "" if match is None else match["name"]
        return name in self.hosts and not is_loopback(name.strip("[]"))

    def _wants_cookie(self, scope):
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        return given is not None and _same(given, self.token)

    async def _give_cookie(self, scope, send):
        # Redirect to keep the token out of the address bar and the history.
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        # Use no absolute path in the cookie or the redirect: behind a proxy, only the browser
        # knows the base path.
        cookie = f"{self.cookie}={self.token}; HttpOnly; SameSite=Lax; Max-Age=2592000"
        if scope.get("scheme") == "https":
            cookie += "; Secure"
        headers = {"location": f"./?{rest}" if rest else "./", "set-cookie": cookie}
        await _respond(send, 303, b"", headers | {"cache-control": "no-store"})

    def _check_token(self, scope):
        if self.token is None:
            return
        given = [_bearer(value) for value in _all(scope, b"authorization")]
        for header in _all(scope, b"cookie"):
            try:
                morsel = SimpleCookie(header).get(self.cookie)
            except CookieError:
                morsel = None
            given.append(morsel.value if morsel else "")
        # Compare all, in constant time, so that timing reveals nothing.
        right = [_same(value, self.token) for value in given]
        if not any(right):
            raise Refused(
                401,
                "no_token",
                "open the address with ?token=... that skal printed when it started",
            )


def is_host(text):
    """Return whether a text is a host name, with or without a port."""
    return _HOST.fullmatch(text) is not None


def is_loopback(host):
    """Return whether an address is reachable only from this machine."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


async def refusal(status, code, message, scope, send):
    """Send an error as JSON, or as plain text to a browser that opens the page."""
    if scope["path"] == "/":
        body, kind = f"{message}\n".encode(), "text/plain; charset=utf-8"
    else:
        error = {"error": {"code": code, "message": message}}
        body, kind = json.dumps(error).encode(), "application/json"
    await _respond(send, status, body, {"content-type": kind, "cache-control": "no-store"})


async def _respond(send, status, body, headers):
    headers = {"content-length": str(len(body)), **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send):
    async def wrapped(message):
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", [])}
            added = [
                (name.encode(), value.encode())
                for name, value in _HEADERS.items()
                if name.encode() not in present
            ]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return wrapped


async def _limited(scope, receive, max_body):
    """Read the body up to the limit; return a channel that delivers it again."""
    lengths = _all(scope, b"content-length")
    if any(not value.isdecimal() or int(value[:20]) > max_body for value in lengths):
        raise _too_large(max_body)
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return _resend([message], receive)
        size += len(message.get("body", b""))
        if size > max_body:
            raise _too_large(max_body)
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    whole = {"type": "http.request", "body": b"".join(parts), "more_body": False}
    return _resend([whole], receive)


def _resend(messages, receive):
    waiting = list(messages)

    async def replayed():
        return waiting.pop(0) if waiting else await receive()

    return replayed


def _too_large(max_body):
    return Refused(413, "too_large", f"a request has at most {max_body} bytes")


def _all(scope, name):
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def _bearer(value):
    kind, _, token = value.partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _same(given, token):
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _is_address(name):
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
