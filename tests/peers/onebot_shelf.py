"""Files that people share: kept at the platform, served from a host of the implementation, named as each one does."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from aiohttp import web

from tests.peers.onebot_flavours import Body, Flavour

BUSID = 102


@dataclass
class Shared:
    """A file; `hash` is what some want to know besides its id."""

    id: str
    name: str
    data: bytes
    hash: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class Shelf:
    """The files of one implementation. An address that was given works until `expire`.

    opens   its operator lets local files be read, so that get_file gives bytes
    asked   the addresses that were opened
    """

    files: dict[str, Shared] = field(default_factory=dict)
    opens: bool = False
    asked: list[str] = field(default_factory=list)
    _given: dict[str, Shared] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _port: int = 0

    async def open(self) -> None:
        """Serve, unless it does."""
        if self._runner is None:
            app = web.Application()
            app.router.add_get("/ftn/{key}/{name:.*}", self._serve)
            self._runner = web.AppRunner(app, shutdown_timeout=1)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
            self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def put(self, name: str, data: bytes) -> Shared:
        shared = Shared(f"/{secrets.token_hex(8)}-{len(self.files)}", name, data)
        self.files[shared.id] = shared
        return shared

    def address(self, shared: Shared) -> str:
        """A new address of a file."""
        key = secrets.token_urlsafe(8)
        self._given[key] = shared
        return f"http://127.0.0.1:{self._port}/ftn/{key}/?fname="

    def expire(self) -> None:
        """No address that was given so far works any more."""
        self._given.clear()

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        shared = self._given.get(request.match_info["key"])
        if shared is None:
            return web.Response(status=404, text="rkey expired")
        return web.Response(body=shared.data, content_type="application/octet-stream")


def segment(flavour: Flavour, shelf: Shelf, shared: Shared) -> Body:
    """A file as it stands in a message."""
    size = str(len(shared.data))
    forms: dict[str, Body] = {
        "file_id": {"file": shared.name, "file_id": shared.id, "file_size": size, "url": shelf.address(shared)},
        "file_id path": {
            "file": shared.name, "url": f"file:///root/QQ/{shared.name}", "file_id": shared.id,
            "path": f"/root/QQ/{shared.name}", "file_size": size,
        },
        "file_name": {"file_name": shared.name, "file_hash": shared.hash, "file_id": shared.id, "url": ""},
        "file_id name": {
            "file": shared.name, "file_id": shared.id, "file_size": len(shared.data), "name": shared.name,
            "size": len(shared.data), "id": shared.id, "url": "", "file_hash": shared.hash,
        },
        "path": {"path": shared.id, "name": shared.name, "size": size, "busid": str(BUSID)},
        "url": {"file": shared.name, "url": shelf.address(shared)},
    }  # fmt: skip
    return {"type": "file", "data": forms[flavour.file]}
