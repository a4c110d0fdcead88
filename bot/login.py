"""The password before the web pages: a form, a signed cookie, and patience with wrong tries."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from yarl import URL

COOKIE = "xiaopeng_session"
PATH = "/login"
STYLE = "/login/style.css"
LASTS = 7 * 24 * 3600
TRIES = 5
WINDOW = 60.0
REMOTES = 4096
STATIC = Path(__file__).parent / "static"


class Login:
    """Knows who gave the password. Sessions end with the process, or after a week."""

    open_paths = frozenset({PATH, STYLE})

    def __init__(self, password: str, *, clock: Callable[[], float] = time.time) -> None:
        self._password = password.encode()
        self._secret = secrets.token_bytes(32)
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._page = (STATIC / "login.html").read_text("utf-8")

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.get(PATH, self._show), web.post(PATH, self._enter), web.get(STYLE, self._style)]

    def address(self, url: URL) -> str:
        """Where to log in, to come back to `url` afterwards."""
        return PATH if url.raw_path == "/" else f"{PATH}?{urlencode({'next': url.raw_path_qs})}"

    def knows(self, request: web.Request) -> bool:
        """Whether the request carries a session that this process gave and that has not run out."""
        token, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        if not hmac.compare_digest(self._sign(token), signature.encode("utf-8", "replace")):
            return False
        return int(token.partition(".")[0]) > self._clock()

    async def _show(self, request: web.Request) -> web.Response:
        return self._form()

    async def _style(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "login.css")

    async def _enter(self, request: web.Request) -> web.Response:
        form = await request.post()
        # From here to the verdict nothing waits, so that parallel tries cannot slip past the count.
        failures = self._recent(request.remote or "")
        if len(failures) >= TRIES:
            wait = max(1, round(failures[0] + WINDOW - self._clock()))
            return self._form(f"试错太多次了，请 {wait} 秒后再来。", 429, {"Retry-After": str(wait)})
        given = form.get("password")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), self._password):
            failures.append(self._clock())
            return self._form("密码不对，请再试一次。", 401)
        failures.clear()
        token = f"{int(self._clock()) + LASTS}.{secrets.token_urlsafe(18)}"
        response = web.Response(status=303, headers={"Location": _local(request.query.get("next", "/"))})
        response.set_cookie(
            COOKIE,
            f"{token}.{self._sign(token).decode()}",
            max_age=LASTS,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return response

    def _form(self, problem: str = "", status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        """The page; `problem` is one of our own sentences, never a visitor's words."""
        text = self._page.replace("{problem}", problem)
        return web.Response(text=text, content_type="text/html", status=status, headers=headers)

    def _sign(self, token: str) -> bytes:
        return hmac.new(self._secret, token.encode("utf-8", "replace"), hashlib.sha256).hexdigest().encode()

    def _recent(self, remote: str) -> deque[float]:
        """The wrong tries of the last minute from this remote; an IPv6 network of one customer is one remote."""
        horizon = self._clock() - WINDOW
        if len(self._failures) >= REMOTES:
            self._failures = {key: times for key, times in self._failures.items() if times and times[-1] > horizon}
        failures = self._failures.setdefault(_network(remote), deque())
        while failures and failures[0] <= horizon:
            failures.popleft()
        return failures


def _network(remote: str) -> str:
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else remote


def _local(path: str) -> str:
    """The path to return to, if it is one of ours: a link must not lead to another site by way of the login."""
    plain = path.startswith("/") and not path.startswith(("//", PATH)) and "\\" not in path and path.isprintable()
    return str(URL(path)) if plain else "/"
