"""What an implementation does for each action that the bot calls, in its world and in its flavour's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.peers.onebot_flavours import ADMIT, KICK, MUTE, MUTE_ALL, RECALL, RENAME, Body
from tests.peers.onebot_segments import Segments, text
from tests.peers.onebot_told import Told
from tests.peers.onebot_world import Denied, Person, Record

ACTS = {
    "delete_msg": RECALL,
    "set_group_ban": MUTE,
    "set_group_whole_ban": MUTE_ALL,
    "set_group_kick": KICK,
    "set_group_card": RENAME,
    "set_group_add_request": ADMIT,
    "set_friend_add_request": ADMIT,
}


def done(data: object) -> Body:
    return {"status": "ok", "retcode": 0, "data": data, "message": "", "wording": ""}


@dataclass
class Actions(Told):
    """The actions of one account. `said` and `due` (notices to send) grow with the calls."""

    said: list[tuple[str, Segments]] = field(default_factory=list)
    due: list[Body] = field(default_factory=list)

    async def answer(self, action: str, params: Body) -> Body:
        """Do what a call asks."""
        # Two implementations register these suffixes as plain aliases; a third has none of them.
        plain = action if self.flavour.words["unknown"][0] == 404 else action.removesuffix("_async")
        does: Callable[[Body], object] | None = getattr(self, f"do_{plain}", None)
        if does is None or plain in self.flavour.lacks:
            failure = self.flavour.failure("unknown")
            return failure | {key: f"{failure[key]} {action}" for key in self.flavour.says}
        act = ACTS.get(plain, "")
        try:
            data = does(params)
        except Denied as denied:
            if act == RENAME:
                await asyncio.sleep(self.flavour.rename_seconds)
            quiet = self.flavour.keeps_quiet(denied.kind, act)
            return done(None) if quiet else self.flavour.failure(denied.kind, act)
        except (KeyError, ValueError):
            return self.flavour.failure("malformed" if "malformed" in self.flavour.words else "failed")
        if act == RENAME:
            await asyncio.sleep(self.flavour.rename_seconds)
        return done(data)

    def notice(self, act: str, kind: str, **fields: object) -> None:
        """Send a notice after an act of ours, if this implementation does."""
        if act in self.flavour.notices:
            self.due.append({"post_type": "notice", "notice_type": kind, "operator_id": int(self.life.own)} | fields)

    # --- what is said -------------------------------------------------------------------------

    def do_send_group_msg(self, params: Body) -> Body:
        self._fit(params["message"])
        self.life.speak(params["group_id"])
        return self._sent(str(params["group_id"]), text(params["message"]))

    def do_send_private_msg(self, params: Body) -> Body:
        self._fit(params["message"])
        return self._sent(f"private:{params['user_id']}", text(params["message"]))

    def do_send_msg(self, params: Body) -> Body:
        group = params.get("group_id") and params.get("message_type") != "private"
        return self.do_send_group_msg(params) if group else self.do_send_private_msg(params)

    def do_send_group_forward_msg(self, params: Body) -> Body:
        nodes: Segments = params["messages"]
        if not nodes or any(node.get("type") != "node" for node in nodes):
            raise Denied("empty")
        self.life.speak(params["group_id"])
        answer = self._sent(str(params["group_id"]), nodes)
        forward_id = f"res-{answer['message_id']}"
        self.life.forwards[forward_id] = nodes
        return answer | {"forward_id": forward_id, "res_id": forward_id}

    def _fit(self, message: str | Segments) -> None:
        if not message:
            raise Denied("empty")
        kinds = {segment["type"] for segment in text(message)}
        if "node" in kinds and (kinds != {"node"} or not self.flavour.node_in_send_msg):
            raise Denied("mixed")

    def _sent(self, where: str, segments: Segments) -> Body:
        message_id, group = self.life.next_id(), None if where.startswith("private:") else where
        self.said.append((where, segments))
        body = self.message(group, self.life.own, Person(self.nickname), segments, message_id)
        body["post_type"] = self.flavour.sent_type
        self.life.heard(Record(str(message_id), group, self.life.own, segments, body))
        return {"message_id": message_id}

    # --- what is done --------------------------------------------------------------------------

    def do_delete_msg(self, params: Body) -> None:
        record = self.life.recall(str(params["message_id"]))
        if record is not None and record.group is not None:
            fields = {"group_id": int(record.group), "user_id": int(record.user), "message_id": params["message_id"]}
            self.notice(RECALL, "group_recall", **fields)

    def do_set_group_ban(self, params: Body) -> None:
        seconds = int(params.get("duration", self.flavour.default_mute))
        self.life.mute(params["group_id"], str(params["user_id"]), seconds)
        fields = {"group_id": params["group_id"], "user_id": params["user_id"], "duration": seconds}
        self.notice(MUTE, "group_ban", sub_type="ban" if seconds > 0 else "lift_ban", **fields)

    def do_set_group_whole_ban(self, params: Body) -> None:
        on = str(params.get("enable", True)).lower() != "false"
        self.life.mute_all(params["group_id"], on)
        fields = {"group_id": params["group_id"], "user_id": 0, "duration": self.flavour.whole_mute if on else 0}
        self.notice(MUTE_ALL, "group_ban", sub_type="ban" if on else "lift_ban", **fields)

    def do_set_group_kick(self, params: Body) -> None:
        forever = str(params.get("reject_add_request", False)).lower() == "true"
        if self.life.kick(params["group_id"], str(params["user_id"]), forever):
            fields = {"group_id": params["group_id"], "user_id": params["user_id"]}
            self.notice(KICK, "group_decrease", sub_type="kick", **fields)

    def do_set_group_card(self, params: Body) -> None:
        before = self.life.rename(params["group_id"], str(params["user_id"]), params.get("card", ""))
        fields = {"group_id": params["group_id"], "user_id": params["user_id"]}
        self.notice(RENAME, "group_card", card_old=before, card_new=params.get("card", ""), **fields)

    def do_set_group_add_request(self, params: Body) -> None:
        approve = str(params.get("approve", True)).lower() != "false"
        request = self.life.admit(str(params["flag"]), approve, params.get("reason", ""))
        if approve and request.group is not None:
            group, user = self.life.world.at(request.group), self.life.own if request.invited else str(request.user)
            group.gone = group.gone and not request.invited
            group.setdefault(user, Person(self.nickname if request.invited else f"成员{user}"))
            body = {"post_type": "notice", "notice_type": "group_increase", "sub_type": "approve"}
            fields = {"group_id": request.group, "user_id": int(user), "operator_id": int(self.life.own)}
            self.due.append(body | fields)

    def do_set_friend_add_request(self, params: Body) -> None:
        approve = str(params.get("approve", True)).lower() != "false"
        request = self.life.admit(str(params["flag"]), approve, "")
        if approve:
            self.due.append({"post_type": "notice", "notice_type": "friend_add", "user_id": request.user})

    def do_group_poke(self, params: Body) -> None:
        self.life.speak(params["group_id"])
        self.said.append((str(params["group_id"]), [{"type": "poke", "data": {"qq": str(params["user_id"])}}]))

    def do_send_poke(self, params: Body) -> None:
        self.do_group_poke(params)

    def do_set_msg_emoji_like(self, params: Body) -> None:
        self._record(params["message_id"])
