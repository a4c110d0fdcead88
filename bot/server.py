"""The one web server: adapters and the dashboard hand out routes, this file guards them.

Whoever asks must name a host that we serve (a rebound DNS name is refused), a page of another
origin may neither write nor open a WebSocket, and with a password nothing is shown before the
login. `/onebot/` has its own token; no browser has business there.
"""

from __future__ import annotations

import errno
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from urllib.parse import urlsplit

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from loguru import logger

from bot.config import LOOPBACK, Config, variable
from bot.errors import ConfigError
from bot.login import Login

Report = Callable[[], Mapping[str, object]]
"""What `/healthz` says, as JSON; `"ok": False` in it makes the status 503."""

HEALTH = "/healthz"
MACHINES = "/onebot/"
ASTRAY = frozenset({"/onebot", "/ws", "/ws/"})
"""Where machines knock that look for the way to `MACHINES`; they are told it without a password."""
SHORTEST_PASSWORD = 8
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::(\d{1,5}))?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Server:
    """The web server, live while entered; `url` is where to find it, without a final slash.

    Entering raises ConfigError when the settings expose it without a password or token, or
    when the address cannot be bound.
    """

    def __init__(
        self, config: Config, routes: Iterable[web.AbstractRouteDef], health: Report, astray: Handler | None = None
    ) -> None:
        self.config = config
        self.url = ""
        self._runner = web.AppRunner(
            application(config, routes, health, astray), access_log=None, handle_signals=False, shutdown_timeout=1
        )

    async def __aenter__(self) -> Server:
        check_exposure(self.config)
        await self._runner.setup()
        host = self.config.server.host
        try:
            await web.TCPSite(self._runner, host, self.config.server.port).start()
        except OSError as failed:
            await self._runner.cleanup()
            raise _unbound(self.config, failed) from failed
        address, port = self._runner.addresses[0][:2]
        if ipaddress.ip_address(address).is_unspecified:
            host = "::1" if ":" in address else "127.0.0.1"
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()


def application(
    config: Config, routes: Iterable[web.AbstractRouteDef], health: Report, astray: Handler | None = None
) -> web.Application:
    """Build the application that `Server` binds. `astray` answers a machine that knocks where pages are."""
    password = config.web.password.get_secret_value() if config.web.password else ""
    middlewares: list[Middleware] = [_plain_errors]
    if astray is not None:
        middlewares.append(_redirected(astray))
    middlewares.append(_guard(frozenset(map(str.lower, (config.server.host, *config.server.hosts)))))
    login = Login(password) if password else None
    if login:
        middlewares.append(_locked(login))
    app = web.Application(middlewares=middlewares)
    app.on_response_prepare.append(_set_headers)

    async def healthz(request: web.Request) -> web.Response:
        report = health()
        status = 503 if report.get("ok") is False else 200
        return web.Response(body=orjson.dumps(report), content_type="application/json", status=status)

    app.add_routes([web.get(HEALTH, healthz), *routes])
    if login:
        app.add_routes(login.routes())
    return app


def check_exposure(config: Config) -> None:
    """Raise ConfigError when the server would be open to the network without password or token."""
    if config.loopback:
        return
    host = f"The server listens on {config.server.host}, which others can reach,"
    if config.web.enabled:
        password = config.web.password.get_secret_value() if config.web.password else ""
        setting = variable("web", "password")
        if not password:
            remedy = f"Set {setting}, or {variable('server', 'host')}=127.0.0.1, or {variable('web', 'enabled')}=false."
            raise ConfigError(setting, f"{host} and the web pages have no password.", remedy)
        if len(password) < SHORTEST_PASSWORD:
            remedy = f"Choose one of at least {SHORTEST_PASSWORD} characters."
            raise ConfigError(setting, f"{host} and the password is too short.", remedy)
    if config.onebot.enabled and not (config.onebot.token and config.onebot.token.get_secret_value()):
        setting = variable("onebot", "token")
        remedy = f"Set {setting} here and in the implementation, or {variable('onebot', 'enabled')}=false."
        raise ConfigError(setting, f"{host} and OneBot has no access token.", remedy)


def _unbound(config: Config, failed: OSError) -> ConfigError:
    port, host = config.server.port, config.server.host
    if failed.errno == errno.EADDRINUSE:
        setting, problem = variable("server", "port"), f"Port {port} is already in use."
        return ConfigError(setting, problem, f"Stop the other program, or set {setting} to a free port such as 8090.")
    if failed.errno == errno.EACCES:
        setting, problem = variable("server", "port"), f"Port {port} needs more rights than this user has."
        return ConfigError(setting, problem, f"Set {setting} to a port above 1023.")
    setting, problem = variable("server", "host"), f"Cannot listen on {host!r}."
    return ConfigError(setting, problem, f"Set {setting} to an address of this machine, such as 127.0.0.1.")


# --- middlewares --------------------------------------------------------------------------


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = "xiaopeng"


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A failing handler is the operator's business: the visitor learns that it failed, not how."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the last door before the visitor; it is logged whole
        logger.exception("{} {} failed", request.method, _route(request) or "an unknown path")
        return web.Response(status=500, text="500: 服务器出错了，请稍后再试。")


def _redirected(astray: Handler) -> Middleware:
    """Whoever connects or writes to the front page, and is no page, was given an address without its path."""

    @web.middleware
    async def redirected(request: web.Request, handler: Handler) -> web.StreamResponse:
        knocks = hdrs.UPGRADE in request.headers or request.method == hdrs.METH_POST
        if request.path == "/" and knocks and hdrs.ORIGIN not in request.headers:
            return await astray(request)
        return await handler(request)

    return redirected


def _guard(names: frozenset[str]) -> Middleware:
    """Refuse hosts that we do not serve, and pages of other origins that write or connect."""
    names |= LOOPBACK

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        if request.path.startswith(MACHINES) and origin is not None:
            raise web.HTTPForbidden(text="403: 这里不接受浏览器的请求。")
        if not _for_machines(request):
            asked = request.headers.getall(hdrs.HOST, [])
            host = _HOST.fullmatch(asked[0]) if len(asked) == 1 else None
            if host is None or host[1].strip("[]").lower() not in names:
                raise web.HTTPForbidden(text=f"403: 不认识这个主机名，请把它加到 {variable('server', 'hosts')}。")
            writes = request.method not in _SAFE or hdrs.UPGRADE in request.headers
            if writes and origin is not None and not _same(origin, host):
                raise web.HTTPForbidden(text="403: 请求来自别的网站，已拒绝。")
        return await handler(request)

    return guard


def _locked(login: Login) -> Middleware:
    """Show nothing before the login: a page leads there, the rest is refused."""

    @web.middleware
    async def locked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _for_machines(request) or _route(request) in login.open_paths or login.knows(request):
            return await handler(request)
        if request.method in _SAFE and hdrs.UPGRADE not in request.headers:
            raise web.HTTPSeeOther(login.address(request.rel_url))
        raise web.HTTPUnauthorized(text="401: 请先登录。")

    return locked


def _route(request: web.Request) -> str:
    """The route's own path, which a visitor cannot bend by escapes or dots; empty when none matched."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def _for_machines(request: web.Request) -> bool:
    route = _route(request)
    return route == HEALTH or route in ASTRAY or route.startswith(MACHINES)


def _same(origin: str, host: re.Match[str]) -> bool:
    """Whether a page of `origin` was served under `host`; a proxy may have added TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    theirs = _HOST.fullmatch(parts.netloc)
    default = _DEFAULT_PORTS.get(parts.scheme)
    if theirs is None or default is None:
        return False
    return (theirs[1].lower(), theirs[2] or default) == (host[1].lower(), host[2] or default)
