// What is seen: messages, rooms, members. Data enters the page as text nodes only, never as markup.

import { bytes, roomName, span, t } from "./webchat-words.js";

const LINK = /https?:\/\/[^\s<>"'`，。！？；：、（）【】《》「」]+/g;
const TOGETHER = 180;

/** An element; children that are strings become text. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export function avatar(person, node = h("i", { class: "avatar", "aria-hidden": "true" })) {
  if (person.bot) {
    node.replaceChildren(h("img", { src: "/static/webchat.svg", alt: "" }));
    return node;
  }
  let hue = 7;
  for (const c of person.id) hue = (hue * 31 + c.codePointAt(0)) % 360;
  node.style.setProperty("--hue", hue);
  node.textContent = [...person.name][0] ?? "?";
  return node;
}

function badge(person) {
  if (person.bot) return h("b", { class: "badge bot" }, t("bot"));
  return person.role === "member" ? null : h("b", { class: `badge ${person.role === "owner" ? "owner" : "admin"}` }, t("role." + person.role));
}

/** A file as a line with its name and size; with an address it can be saved. */
export function attachment(name, size, address) {
  const dot = name.lastIndexOf(".");
  const kind = dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1) : "";
  return h(address ? "a" : "span", { class: "file", href: address, download: address ? name : undefined, title: address && t("file.save", { name }) },
    h("i", { "aria-hidden": "true" }, kind), h("span", {}, h("b", {}, name), h("small", {}, bytes(size))));
}

/** Text with its addresses as links. */
export function linked(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const address = found[0].replace(/[.,!?;:)\]}]+$/, "");
    let url;
    try { url = new URL(address); } catch { continue; }
    nodes.push(text.slice(from, found.index));
    nodes.push(h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
    from = found.index + address.length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

export function gist(message) {
  const other = (p) => (p.mention ? "@" + p.name + " " : p.file ? t("file", { name: p.name }) : t("picture"));
  const text = message.parts.map((p) => p.text ?? other(p)).join("");
  return text.trim().slice(0, 120);
}

/** Draws one room's log; `chat` is the page's state. */
export class Log {
  constructor(node, chat) {
    this.node = node;
    this.chat = chat;
    this.stays = true;
    node.addEventListener("scroll", () => { this.stays = this.atEnd(); }, { passive: true });
    // A growing message box or a keyboard on the screen must not push the last message out of sight.
    new ResizeObserver(() => this.stays && this.toEnd()).observe(node);
  }

  atEnd() {
    return this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 90;
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
    this.stays = true;
  }

  draw(room) {
    this.room = room;
    const nodes = [];
    let before = null;
    for (const item of room.items.values()) {
      nodes.push(this.item(item, before));
      before = item;
    }
    this.node.replaceChildren(this.intro(room), ...nodes);
    this.toEnd();
  }

  intro(room) {
    const bot = this.chat.bot.name;
    // In a direct chat the bot is addressed anyway.
    const tries = ["try.help", "try.ask", ...(room.direct ? [] : ["try.mention"])].map((key) => {
      const text = t(key, { bot });
      return h("button", { type: "button", class: "chip", onclick: () => this.chat.suggest(text) }, text);
    });
    return h("section", { class: "intro", "aria-live": "off" },
      h("img", { src: "/static/webchat.svg", alt: "", width: 56, height: 56 }),
      h("h2", {}, t("intro.title", { bot })),
      h("p", {}, (room.direct ? t("intro.direct", { bot }) + " " : "") + t("intro.text")),
      h("div", { class: "chips" }, h("span", {}, t("try")), ...tries));
  }

  item(item, before) {
    return item.notice ? this.notice(item) : this.message(item, before);
  }

  notice(item) {
    return h("p", { class: "notice" }, t(item.notice, { name: item.name, span: span(item.seconds ?? 0) }));
  }

  message(m, before) {
    if (m.removed) {
      const key = m.removed === "author" ? "recalled" : "removed";
      return h("p", { class: "notice", "data-id": m.id }, t(key, { name: m.from.name }));
    }
    const mine = m.from.id === this.chat.me.id;
    const joins = before && !before.notice && !before.removed && before.from.id === m.from.id &&
      before.private === m.private && m.time - before.time < TOGETHER;
    const when = new Date(m.time * 1000);
    const clock = when.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const content = h("div", { class: "content" });
    const article = h("article", {
      class: ["message", mine && "mine", joins && "joins", m.private && "private", m.streaming && "streaming"].filter(Boolean).join(" "),
      "data-id": m.id, tabindex: "-1", "aria-label": `${m.from.name} ${clock}`, "aria-busy": m.streaming ? "true" : undefined,
    },
      avatar(m.from),
      h("div", { class: "body" },
        h("p", { class: "who" }, h("span", { class: "name" }, m.from.name), badge(m.from),
          h("time", { datetime: when.toISOString(), title: when.toLocaleString() }, clock)),
        h("div", { class: "bubble" },
          m.private ? h("p", { class: "only" }, "🔒 " + t("private")) : null,
          m.quote ? this.quote(m.quote) : null,
          content),
        h("div", { class: "reactions" })));
    this.fill(m, content);
    this.react(m, article.querySelector(".reactions"));
    return article;
  }

  fill(m, content) {
    const nodes = [];
    for (const part of m.parts) {
      if (part.image !== undefined) nodes.push(this.picture(part, m));
      else if (part.file !== undefined) nodes.push(attachment(part.name, part.size, part.file));
      else if (part.mention !== undefined) {
        const me = part.mention === this.chat.me.id || part.mention === "*";
        nodes.push(h("span", { class: me ? "mention me" : "mention" }, "@" + part.name));
      } else nodes.push(...linked(part.text));
    }
    if (m.streaming && !m.parts.some((p) => p.text)) nodes.push(h("span", { class: "dots", role: "img", "aria-label": t("is.typing") }, h("i"), h("i"), h("i")));
    if (m.broken) nodes.push(h("small", { class: "broken" }, " " + t("broken")));
    content.replaceChildren(...nodes);
  }

  picture(part, m) {
    const alt = part.name || t("picture.of", { name: m.from.name });
    const frame = h("a", { class: "picture", href: part.image, target: "_blank", rel: "noopener" });
    const end = this.atEnd();
    frame.append(h("img", {
      src: part.image, alt,
      onload: () => end && this.toEnd(),
      onerror: () => frame.replaceWith(h("em", { class: "lost" }, t("picture.lost"))),
    }));
    return frame;
  }

  quote(id) {
    const quoted = this.room.items.get(id);
    if (!quoted || quoted.removed) return h("p", { class: "quoted lost" }, t("quote.lost"));
    return h("button", { type: "button", class: "quoted", tabindex: "-1", onclick: () => this.show(id) },
      h("b", {}, quoted.from.name), " ", gist(quoted));
  }

  react(m, node) {
    node.replaceChildren(...Object.entries(m.reactions).map(([emoji, who]) => {
      const mine = who.includes(this.chat.me.id);
      const names = who.map((id) => this.room.members.get(id)?.name ?? "?").join("、");
      return h("button", {
        type: "button", tabindex: "-1", "aria-pressed": String(mine), title: names,
        "aria-label": `${t("react", { emoji })} ${who.length}`, onclick: () => this.chat.react(m, emoji, !mine),
      }, emoji, " ", String(who.length));
    }));
  }

  find(id) {
    return this.node.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  show(id) {
    const node = this.find(id);
    if (!node) return;
    node.scrollIntoView({ block: "center", behavior: "smooth" });
    node.focus({ preventScroll: true });
    node.classList.add("flash");
    setTimeout(() => node.classList.remove("flash"), 1200);
  }

  /** Show a new item at the end; stays where the reader is, unless that is the end or it is their own. */
  append(item, before) {
    const end = this.atEnd();
    this.node.append(this.item(item, before));
    while (this.node.querySelectorAll("article, .notice").length > 400) this.node.querySelector("article, .notice").remove();
    if (end || item.from?.id === this.chat.me.id) this.toEnd();
    return end;
  }

  /** Draw a message again that changed as a whole. */
  redraw(m) {
    const node = this.find(m.id);
    if (!node) return;
    const end = this.atEnd();
    const joins = node.classList.contains("joins");
    const fresh = this.message(m, null);
    if (joins) fresh.classList.add("joins");
    node.replaceWith(fresh);
    if (end) this.toEnd();
  }

  /** Draw a message's reactions again. */
  reacted(m) {
    const end = this.atEnd();
    const node = this.find(m.id);
    if (node) this.react(m, node.querySelector(".reactions"));
    if (end) this.toEnd();
  }

  write(m) {
    const end = this.atEnd();
    const node = this.find(m.id);
    if (node) this.fill(m, node.querySelector(".content"));
    if (end) this.toEnd();
  }
}

/** What a room's line says of its last message. */
function preview(m) {
  return gist(m) || (m.streaming ? t("is.typing") + "…" : m.broken ? t("broken") : "");
}

export function drawRooms(node, chat) {
  node.replaceChildren(...[...chat.rooms.values()].map((room) => {
    const name = roomName(room, chat.bot);
    const last = [...room.items.values()].filter((item) => item.parts && !item.removed).pop();
    const under = !room.joined ? t("not.joined") : last ? `${last.from.id === chat.me.id ? t("you") : last.from.name}: ${preview(last)}` : "";
    return h("li", {}, h("button", { type: "button", "aria-current": room === chat.room ? "true" : undefined, onclick: () => chat.open(room.id) },
      h("span", { class: "sign", "aria-hidden": "true" }, room.direct ? "✉" : "#"),
      h("span", { class: "label" }, h("span", {}, name), under ? h("small", {}, under) : null),
      room.unread ? h("b", { class: "unread" }, String(Math.min(room.unread, 99))) : null));
  }));
}

export function drawPeople(list, count, chat) {
  const people = [...chat.room.members.values()];
  const rank = (p) => [p.bot ? 0 : p.online ? 1 : 2, { owner: 0, admin: 1 }[p.role] ?? 2];
  people.sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1] || a.name.localeCompare(b.name));
  count.textContent = String(people.length);
  list.replaceChildren(...people.map((p) => h("li", { class: p.online ? "" : "away" },
    h("button", { type: "button", title: p.online ? "@" + p.name : t("offline"), onclick: () => chat.mention(p) },
      avatar(p), h("span", { class: "label" }, p.name, p.id === chat.me.id ? h("small", {}, ` ${t("you")}`) : null), badge(p)))));
}
