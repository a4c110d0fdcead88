"""What the calls that only ask are told: messages, members, groups, the account."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.peers.onebot_files import FileCalls
from tests.peers.onebot_flavours import MUTE, MUTE_ALL, Body, Flavour
from tests.peers.onebot_segments import Segments, encode
from tests.peers.onebot_world import Denied, Group, Life, Person, Record


@dataclass
class Told(FileCalls):
    """The answers of one account at one implementation."""

    flavour: Flavour
    life: Life
    nickname: str
    online: bool = True

    @property
    def status(self) -> bool:
        """What it says of the account."""
        return self.online or self.flavour.blind

    def message(self, group: str | None, user: str, person: Person, segments: Segments, message_id: int | str) -> Body:
        """A message as an event, without the fields that all events have."""
        sender: Body = {"user_id": int(user), "nickname": person.nickname, "card": person.card}
        if group is not None and person.role is not None:
            sender["role"] = person.role
        coded = encode(segments)
        body: Body = {
            "post_type": "message",
            "message_type": "private" if group is None else "group",
            "sub_type": "friend" if group is None else "normal",
            "time": int(time.time()),
            "user_id": int(user),
            "message_id": message_id,
            "sender": sender,
            "raw_message": coded,
            "font": 14,
            "message": segments if self.flavour.array else coded,
            "message_format": "array" if self.flavour.array else "string",
        }
        if group is not None:
            body |= {"group_id": int(group), "group_name": self.life.world.at(group).name or f"群{group}"}
        return body

    # --- what was said ------------------------------------------------------------------------

    def do_get_msg(self, params: Body) -> Body:
        return self._record(params["message_id"]).body | {"real_id": params["message_id"]}

    def _record(self, message_id: object) -> Record:
        record = self.life.records.get(str(message_id))
        if record is None or record.recalled:
            raise Denied("no_message")
        return record

    def do_get_group_msg_history(self, params: Body) -> Body:
        self.life.group(params["group_id"])
        count = self.flavour.most_history or int(params.get("count", 20))
        records = self.life.last(str(params["group_id"]), count)
        if not records and self.flavour.most_history is None:
            raise Denied("no_message")
        return {"messages": [{"self_id": int(self.life.own)} | record.body for record in records]}

    def do_get_forward_msg(self, params: Body) -> Body:
        nodes = self.life.forwards.get(str(params.get("id") or params.get("message_id")))
        if nodes is None:
            raise Denied("no_message")
        if not self.flavour.says:
            return {"message": nodes}
        inner = [node["data"] for node in nodes]
        names = [{"user_id": node.get("user_id"), "nickname": node.get("nickname")} for node in inner]
        return {
            "messages": [
                {"content": node["content"], "message": node["content"], "sender": sender}
                for node, sender in zip(inner, names, strict=True)
            ]
        }

    # --- members and groups -------------------------------------------------------------------

    def _member(self, number: object, user: str, person: Person, role: str | None) -> Body:
        body: Body = {"group_id": number, "user_id": int(user), "nickname": person.nickname, "card": person.card}
        times = {"join_time": int(person.joined), "last_sent_time": int(person.spoke)}
        role = role or self.flavour.nameless_role
        mute = {"shut_up_timestamp": int(person.muted_until)} if MUTE in self.flavour.reads else {}
        return body | times | mute | ({"role": role} if role else {})

    def do_get_group_member_info(self, params: Body) -> Body:
        group, user = self.life.world.get(str(params["group_id"])), str(params["user_id"])
        person = group.get(user) if group is not None and not group.gone else None
        if person is None and user == self.life.own and not (group is not None and group.gone):
            # A group that this world does not know has our account in it, but not its role there.
            return self._member(params["group_id"], user, Person(self.nickname), "member")
        if group is None or person is None:
            raise Denied("no_member")
        fresh = str(params.get("no_cache", self.flavour.fresh)).lower() == "true"
        if fresh or user not in group.known_roles:
            group.known_roles[user] = person.role
        return self._member(params["group_id"], user, person, group.known_roles[user])

    def do_get_group_member_list(self, params: Body) -> list[Body]:
        group = self._known(params)
        return [self._member(params["group_id"], user, person, person.role) for user, person in group.items()]

    def _known(self, params: Body) -> Group:
        group = self.life.world.get(str(params["group_id"]))
        if group is None or group.gone:
            raise Denied("no_group")
        return group

    def _about(self, number: str, group: Group) -> Body:
        body: Body = {"group_id": int(number), "group_name": group.name or f"群{number}", "member_count": len(group)}
        silent = {"group_all_shut": -1 if group.silent else 0} if MUTE_ALL in self.flavour.reads else {}
        return body | {"max_member_count": 500} | silent

    def do_get_group_info(self, params: Body) -> Body:
        return self._about(str(params["group_id"]), self._known(params))

    def do_get_group_list(self, params: Body) -> list[Body]:
        world = self.life.world
        return [self._about(key, group) for key, group in world.items() if key.isdecimal() and not group.gone]

    def do_get_group_shut_list(self, params: Body) -> list[Body]:
        muted = [(user, person) for user, person in self._known(params).items() if person.muted]
        return [
            {"user_id": int(user), "nickname": person.nickname, "shut_up_time": int(person.muted_until)}
            for user, person in muted
        ]

    # --- the account --------------------------------------------------------------------------

    def do_get_login_info(self, params: Body) -> Body:
        return {"user_id": int(self.life.own), "nickname": self.nickname}

    def do_get_version_info(self, params: Body) -> Body:
        return {"app_name": self.flavour.app, "app_version": "1.0", "protocol_version": "v11"}

    def do_get_status(self, params: Body) -> Body:
        return {"online": self.status, "good": True}

    def do_get_friend_list(self, params: Body) -> list[Body]:
        return []

    def do_get_stranger_info(self, params: Body) -> Body:
        return {"user_id": params["user_id"], "nickname": f"成员{params['user_id']}"}

    def do_can_send_image(self, params: Body) -> Body:
        return {"yes": True}
