"""What the calls that ask for a shared file are told: an address, or the bytes."""

from __future__ import annotations

import base64

from tests.peers.onebot_flavours import Body, Flavour
from tests.peers.onebot_shelf import BUSID, Shared
from tests.peers.onebot_world import Denied, Life


class FileCalls:
    """The calls that ask for a file."""

    flavour: Flavour
    life: Life

    def _shared(self, params: Body) -> Shared:
        shared = self.life.shelf.files.get(str(params.get("file_id") or params.get("file")))
        if shared is None:
            raise Denied("no_file")
        return shared

    def do_get_group_file_url(self, params: Body) -> Body:
        self.life.group(params["group_id"])
        if self.flavour.file == "path" and params.get("busid") != BUSID:
            raise Denied("no_file")
        return {"url": self.life.shelf.address(self._shared(params))}

    def do_get_private_file_url(self, params: Body) -> Body:
        shared = self._shared(params)
        if self.flavour.file == "file_name" and (params.get("file_hash") != shared.hash or not params.get("user_id")):
            raise Denied("no_file")
        return {"url": self.life.shelf.address(shared)}

    def do_get_file(self, params: Body) -> Body:
        if self.flavour.file == "file_id name":
            raise Denied("no_file")
        shared = self._shared(params)
        path = f"/root/QQ/{shared.name}"
        held = {"file": path, "url": path, "file_size": str(len(shared.data)), "file_name": shared.name}
        opened = {"base64": base64.b64encode(shared.data).decode()} if self.life.shelf.opens else {}
        return held | opened
