// The page of the local chat: its state, its connection to the server, what a click does.

import { Box, pieces } from "./webchat-box.js";
import { Log, avatar, drawPeople, drawRooms, h } from "./webchat-view.js";
import { label, nickname, refusal, roomName, switchWords, t } from "./webchat-words.js";

const $ = (id) => document.getElementById(id);
const FRESH = "?new";

class Chat {
  me = null;
  bot = { id: "", name: "欧小鹏", bot: true };
  emoji = [];
  rooms = new Map();
  room = null;
  waiting = new Map();
  socket = null;
  tries = 0;
  dirty = new Set();

  constructor() {
    if (location.search.startsWith(FRESH)) {
      sessionStorage.clear();
      history.replaceState(null, "", "/");
    }
    this.log = new Log($("log"), this);
    this.box = new Box(this);
  }

  // --- the connection ---

  connect() {
    this.state(this.tries ? "off" : "connecting");
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/chat/ws`);
    this.socket = socket;
    socket.onopen = () => {
      const name = sessionStorage.getItem("name") ?? nickname();
      this.tell({ do: "hello", token: sessionStorage.getItem("token") ?? "", name });
    };
    socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    socket.onclose = () => this.again();
  }

  /** Connect again, ever more slowly; a server that lost our login wants it anew. */
  async again() {
    this.state("off");
    this.tries += 1;
    const wait = Math.min(15000, 400 * 2 ** Math.min(this.tries, 6)) * (0.7 + 0.6 * Math.random());
    await new Promise((done) => { setTimeout(done, wait); addEventListener("online", done, { once: true }); });
    if (this.tries > 1) {
      const answer = await fetch("/", { method: "HEAD", redirect: "manual" }).catch(() => null);
      if (answer?.type === "opaqueredirect") return location.reload();
    }
    return this.connect();
  }

  get online() {
    return this.socket?.readyState === WebSocket.OPEN && this.me !== null && $("link").dataset.state === "on";
  }

  tell(frame) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  state(name) {
    $("link").dataset.state = name;
    $("link").textContent = t("link." + name);
  }

  // --- what the server says ---

  hear(frame) {
    const room = this.rooms.get(frame.group);
    switch (frame.is) {
      case "welcome": return this.welcome(frame);
      case "room": return this.enter(frame);
      case "me": return this.became(frame.me);
      case "error": return this.refused(frame);
    }
    if (!room) return undefined;
    const message = room.items.get(frame.id);
    switch (frame.is) {
      case "message": return this.said(room, frame);
      case "notice": return this.add(room, { notice: frame.kind, name: frame.name, seconds: frame.seconds }, `n${performance.now()}`);
      case "member": room.members.set(frame.member.id, frame.member); return this.drawSide();
      case "gone": room.members.delete(frame.id); return this.drawSide();
      case "commands": room.commands = frame.list; return room === this.room && this.box.suggest();
    }
    if (!message) return undefined;
    const visible = room === this.room;
    switch (frame.is) {
      case "chunk": message.parts.at(-1).text += frame.text; return this.later(room, message);
      case "end":
        message.streaming = false;
        message.broken = !frame.whole;
        this.drawSide();
        return visible && this.log.redraw(message);
      case "dropped":
        room.items.delete(frame.id);
        this.drawSide();
        return visible && this.log.find(frame.id)?.remove();
      case "removed":
        Object.assign(message, { removed: frame.by, parts: [], reactions: {} });
        if (this.box.quote === message) this.box.quoteThis(null, false);
        this.drawSide();
        return visible && this.log.redraw(message);
      case "reactions":
        message.reactions = frame.reactions;
        return visible && this.log.reacted(message);
    }
    return undefined;
  }

  welcome(frame) {
    this.tries = 0;
    this.bot = frame.bot;
    this.emoji = frame.emoji;
    const known = [...this.rooms.keys()];
    if (known.length && this.me?.id !== frame.me.id) this.rooms.clear();
    sessionStorage.setItem("token", frame.token);
    this.became(frame.me);
    this.state("on");
    $("bot-name").textContent = this.bot.name;
    this.openTools();
  }

  enter(frame) {
    const old = this.rooms.get(frame.group);
    const room = {
      id: frame.group, name: frame.name, direct: frame.direct, joined: frame.joined, unread: old?.unread ?? 0,
      members: new Map(frame.members.map((m) => [m.id, m])), items: new Map(frame.messages.map((m) => [m.id, m])),
      draft: old?.draft, commands: old?.commands,
    };
    this.rooms.set(room.id, room);
    this.settle(room);
    const wanted = sessionStorage.getItem("room");
    const here = this.room?.id;
    if (here === room.id || !this.rooms.has(here) || (room.id === wanted && here !== wanted)) this.open(room.id, false);
    else this.drawSide();
  }

  /** Messages that were under way when the connection broke: those that did not arrive go back into the box. */
  settle(room) {
    for (const [key, sent] of this.waiting) {
      if (sent.room !== room.id) continue;
      this.waiting.delete(key);
      const mine = [...room.items.values()].filter((m) => m.from?.id === this.me.id && m.time > sent.time - 5);
      const arrived = mine.some((m) => m.parts.map((p) => p.text ?? (p.mention ? "@" + p.name : "")).join("") === sent.draft.text);
      if (!arrived) this.giveBack(sent);
    }
  }

  said(room, frame) {
    if (frame.key) this.waiting.delete(frame.key);
    const foreign = frame.message.from.id !== this.me.id;
    const seen = this.add(room, frame.message, frame.message.id);
    if (foreign && (room !== this.room || document.hidden)) room.unread += 1;
    if (foreign && room === this.room && !seen) $("latest").hidden = false;
    this.drawSide();
  }

  add(room, item, id) {
    const before = [...room.items.values()].at(-1);
    room.items.set(id, item);
    while (room.items.size > 400) room.items.delete(room.items.keys().next().value);
    return room === this.room ? this.log.append(item, before) : true;
  }

  became(me) {
    this.me = me;
    sessionStorage.setItem("name", me.name);
    if (document.activeElement !== $("name")) $("name").value = me.name;
    avatar(me, $("my-avatar"));
    for (const input of $("roles").querySelectorAll("input")) input.checked = input.value === me.role;
    if (this.room) this.drawSide();
  }

  refused(frame) {
    const sent = this.waiting.get(frame.key);
    this.waiting.delete(frame.key);
    if (sent) this.giveBack(sent);
    if (this.me) $("name").value = this.me.name;
    this.complain(refusal(frame));
  }

  giveBack(sent) {
    const room = this.rooms.get(sent.room);
    if (room === this.room && !this.box.draft.text && !this.box.draft.pictures.length && !this.box.draft.files.length) this.box.draft = sent.draft;
    else if (room && room !== this.room && !room.draft?.text) room.draft = sent.draft;
  }

  later(room, message) {
    if (room !== this.room) return;
    if (!this.dirty.size) requestAnimationFrame(() => { for (const m of this.dirty) this.log.write(m); this.dirty.clear(); });
    this.dirty.add(message);
  }

  // --- what the visitor does ---

  open(id, focus = true) {
    if (this.room && this.rooms.get(this.room.id) === this.room) this.room.draft = this.box.draft;
    const same = this.room?.id === id;
    const gone = this.room && !this.rooms.has(this.room.id);
    this.room = this.rooms.get(id);
    this.room.unread = 0;
    if (focus) sessionStorage.setItem("room", id);
    this.side(false);
    this.log.draw(this.room);
    if (!same && !gone) this.box.draft = this.room.draft;
    else if (this.box.quote && !this.room.items.has(this.box.quote.id)) this.box.quoteThis(null, false);
    $("latest").hidden = true;
    this.draw();
    if (focus && this.room.joined && matchMedia("(hover: hover)").matches) this.box.area.focus();
  }

  async submit(draft, clear) {
    const room = this.room;
    if (!this.online) return this.complain(t("unsent"));
    const parts = pieces(draft.text, draft.mentions);
    const name = (file) => encodeURIComponent(file.name.toWellFormed?.() ?? file.name);
    const uploads = [...draft.pictures.map((file) => ["image", file, {}]), ...draft.files.map((file) => ["file", file, { "X-File-Name": name(file) }])];
    for (const [kind, file, more] of uploads) {
      const headers = { "X-Chat-Token": sessionStorage.getItem("token"), ...more };
      const answer = await fetch("/chat/" + kind, { method: "POST", headers, body: file }).catch(() => null);
      const said = answer ? await answer.json().catch(() => null) : null;
      if (!said?.id) return this.complain(said?.code ? refusal(said) : t("failed"));
      parts.push({ [kind]: said.id });
    }
    const key = crypto.getRandomValues(new Uint32Array(3)).join("");
    if (!this.tell({ do: "say", group: room.id, parts, quote: draft.quote?.id ?? null, key })) return this.complain(t("unsent"));
    this.waiting.set(key, { room: room.id, draft, time: Date.now() / 1000 });
    if (room === this.room) clear();
    else room.draft = null;
    return true;
  }

  react(message, emoji, on) {
    this.tell({ do: "react", group: this.room.id, message: message.id, emoji, on });
  }

  ask() {
    this.tell({ do: "commands", group: this.room.id });
  }

  suggest(text) {
    this.box.put(text);
  }

  mention(person) {
    this.side(false);
    if (this.room.joined && person.id !== this.me.id) this.box.mention(person);
  }

  focusLast() {
    [...$("log").querySelectorAll("article")].at(-1)?.focus();
  }

  complain(text) {
    $("toast").textContent = text;
    $("toast").hidden = false;
    clearTimeout(this.fading);
    this.fading = setTimeout(() => { $("toast").hidden = true; }, 5000);
    return false;
  }

  // --- drawing ---

  draw() {
    const { room, bot } = this;
    $("title").textContent = roomName(room, bot);
    $("leave").hidden = room.direct || !room.joined;
    $("composer").hidden = !room.joined;
    $("outside").hidden = room.joined;
    $("log").hidden = !room.joined;
    this.box.area.placeholder = t(room.direct ? "placeholder.direct" : "placeholder", { bot: bot.name });
    this.drawSide();
  }

  drawSide() {
    if (!this.room) return;
    const { room, bot } = this;
    const people = [...room.members.values()].filter((p) => p.online && !p.bot).length;
    $("subtitle").textContent = !room.joined ? t("not.joined") : room.direct ? t("direct.sub", { bot: bot.name }) : t("online", { n: people });
    drawRooms($("rooms"), this);
    drawPeople($("people"), $("people-count"), this);
    const unread = [...this.rooms.values()].reduce((sum, r) => sum + r.unread, 0);
    document.title = (unread ? `(${unread}) ` : "") + bot.name;
  }

  side(open) {
    document.body.classList.toggle("aside", open);
    $("scrim").hidden = !open;
    $("menu").setAttribute("aria-expanded", String(open));
  }

  /** One set of buttons, which goes along with the message that is looked at. */
  openTools() {
    if (this.tools) this.tools.remove();
    const button = (key, glyph, act) => h("button", { type: "button", class: key, "aria-label": t(key), title: t(key), onclick: () => act(this.tools.message) }, glyph);
    this.tools = h("div", { class: "tools", role: "toolbar", "aria-label": t("tools"), "aria-live": "off" },
      ...this.emoji.map((emoji) => h("button", {
        type: "button", "aria-label": t("react", { emoji }), title: t("react", { emoji }),
        onclick: () => this.react(this.tools.message, emoji, !this.tools.message.reactions[emoji]?.includes(this.me.id)),
      }, emoji)),
      button("quote", "❝", (m) => this.box.quoteThis(m)),
      button("recall", "⌫", (m) => this.tell({ do: "recall", group: this.room.id, message: m.id })));
  }

  showTools(article) {
    const message = this.room.items.get(article.dataset.id);
    if (!message || message.streaming || article.contains(this.tools)) return;
    this.tools.message = message;
    const mine = message.from.id === this.me.id;
    const recall = this.tools.querySelector(".recall");
    recall.hidden = !mine && this.me.role === "member";
    recall.title = t(mine ? "recall" : "remove");
    recall.setAttribute("aria-label", recall.title);
    article.querySelector(".bubble").append(this.tools);
  }
}

label();
const chat = new Chat();

const onMessage = (event) => {
  const article = event.target.closest?.("article");
  if (article) chat.showTools(article);
};
for (const kind of ["pointerover", "focusin", "click"]) $("log").addEventListener(kind, onMessage);
$("log").addEventListener("pointerleave", () => { if (!chat.tools?.contains(document.activeElement)) chat.tools?.remove(); });
$("log").addEventListener("keydown", (event) => {
  const article = event.target.closest("article");
  if (!article) return;
  const all = [...$("log").querySelectorAll("article")];
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step) {
    event.preventDefault();
    (all[all.indexOf(article) + step] ?? (step > 0 ? $("box") : article)).focus();
  } else if (event.key === "Escape") $("box").focus();
  else if (event.key === "q" && event.target === article) { event.preventDefault(); chat.box.quoteThis(chat.room.items.get(article.dataset.id)); }
});
$("log").addEventListener("scroll", () => { if (chat.log.atEnd()) $("latest").hidden = true; }, { passive: true });
$("latest").addEventListener("click", () => { chat.log.toEnd(); $("latest").hidden = true; });
$("lang").addEventListener("click", () => {
  switchWords();
  label();
  chat.state($("link").dataset.state);
  if (!chat.room) return;
  chat.openTools();
  chat.log.draw(chat.room);
  chat.box.quoteThis(chat.box.quote, false);
  chat.draw();
});
const rename = () => { if (chat.me && $("name").value.trim() !== chat.me.name) chat.tell({ do: "rename", name: $("name").value }); };
$("naming").addEventListener("submit", (event) => { event.preventDefault(); $("name").blur(); });
$("name").addEventListener("change", rename);
$("roles").addEventListener("change", (event) => chat.tell({ do: "become", role: event.target.value }));
$("leave").addEventListener("click", () => chat.tell({ do: "leave", group: chat.room.id }));
$("join").addEventListener("click", () => chat.tell({ do: "join", group: chat.room.id }));
$("menu").addEventListener("click", () => { chat.side(true); $("rooms").querySelector("button")?.focus(); });
$("scrim").addEventListener("click", () => chat.side(false));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") chat.side(false); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && chat.room) { chat.room.unread = 0; chat.drawSide(); } });
chat.connect();
