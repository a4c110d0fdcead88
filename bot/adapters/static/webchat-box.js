// The message box: typing, suggestions for @ and /, pictures, files, the quote.

import { avatar, attachment, gist, h } from "./webchat-view.js";
import { t } from "./webchat-words.js";

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const LARGEST = 5 * 1024 * 1024;
const PICTURES = 4;
const LARGEST_FILE = 20e6;
const FILES = 3;
const $ = (id) => document.getElementById(id);

export class Box {
  /** `chat` has room, bot, me, `submit(draft)` → whether it went out, `complain(text)`, `ask()` for the commands. */
  constructor(chat) {
    this.chat = chat;
    this.area = $("box");
    this.list = $("choices");
    this.mentions = [];
    this.pictures = [];
    this.files = [];
    this.quote = null;
    this.found = [];
    this.at = 0;
    this.busy = false;
    this.composing = false;
    this.area.addEventListener("compositionstart", () => { this.composing = true; });
    this.area.addEventListener("compositionend", () => { this.composing = false; this.typed(); });
    this.area.addEventListener("input", () => this.typed());
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("click", () => this.typed());
    this.area.addEventListener("blur", () => setTimeout(() => this.choose([]), 150));
    this.area.addEventListener("paste", (event) => this.take(event, event.clipboardData));
    $("composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    $("attach").addEventListener("click", () => $("file").click());
    $("share").addEventListener("click", () => $("any").click());
    for (const id of ["file", "any"]) $(id).addEventListener("change", () => { this.add([...$(id).files]); $(id).value = ""; });
    $("quoting").querySelector("button").addEventListener("click", () => this.quoteThis(null));
    const main = document.querySelector("main");
    main.addEventListener("dragover", (event) => { event.preventDefault(); main.classList.add("dropping"); });
    main.addEventListener("dragleave", () => main.classList.remove("dropping"));
    main.addEventListener("drop", (event) => { main.classList.remove("dropping"); event.preventDefault(); this.take(event, event.dataTransfer); });
  }

  // --- the draft ---

  get draft() {
    return { text: this.area.value, mentions: this.mentions, pictures: this.pictures, files: this.files, quote: this.quote };
  }

  set draft(draft) {
    this.area.value = draft?.text ?? "";
    this.mentions = draft?.mentions ?? [];
    this.pictures = draft?.pictures ?? [];
    this.files = draft?.files ?? [];
    this.quoteThis(draft?.quote ?? null, false);
    this.drawPictures();
    this.choose([]);
    this.grow();
  }

  put(text) {
    this.area.value = text;
    this.area.focus();
    this.area.setSelectionRange(text.length, text.length);
    this.typed();
  }

  mention(person) {
    const { selectionStart: from, selectionEnd: to, value } = this.area;
    const space = from > 0 && !/\s$/.test(value.slice(0, from)) ? " " : "";
    this.area.setRangeText(`${space}@${person.name} `, from, to, "end");
    this.mentions.push({ id: person.id, name: person.name });
    this.area.focus();
    this.grow();
  }

  quoteThis(message, focus = true) {
    this.quote = message;
    $("quoting").hidden = !message;
    if (message) $("quoting").querySelector("p").textContent = t("quoting", { name: message.from.name, text: gist(message) });
    if (focus) this.area.focus();
  }

  async send() {
    const draft = this.draft;
    if (this.busy || this.composing || (!draft.text.trim() && !draft.pictures.length && !draft.files.length)) return;
    this.busy = true;
    try {
      const clear = () => { this.draft = null; };
      if (await this.chat.submit(draft, clear)) this.area.focus();
    } finally {
      this.busy = false;
    }
  }

  // --- keys and suggestions ---

  key(event) {
    // During composition Enter picks a word of the input method; Safari reports it as 229 only.
    if (event.isComposing || this.composing || event.keyCode === 229) return;
    const open = this.found.length > 0;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.mark((this.at + (event.key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length);
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))) {
      const choice = this.found[this.at];
      if (event.key === "Enter" && choice.word && this.area.value.trim() === choice.word) {
        event.preventDefault();
        this.choose([]);
        this.send();
      } else {
        event.preventDefault();
        this.accept(choice);
      }
    } else if (event.key === "Escape") {
      if (open) this.choose([]);
      else if (this.quote) this.quoteThis(null);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && !this.area.value) {
      event.preventDefault();
      this.chat.focusLast();
    }
  }

  typed() {
    this.grow();
    if (this.composing) return;
    const before = this.area.value.slice(0, this.area.selectionStart);
    const at = /(?:^|[^A-Za-z0-9_.])@([^\s@]{0,32})$/.exec(before);
    if (at) return this.choose(this.people(at[1].toLowerCase()), at[1].length + 1);
    const slash = /^[/／](\S{0,32})$/.exec(before);
    if (!slash) return this.choose([]);
    if (!slash[1]) this.chat.ask();
    this.suggest();
  }

  /** Show the commands that fit what is typed; again when the server has sent them. */
  suggest() {
    const slash = /^[/／](\S{0,32})$/.exec(this.area.value.slice(0, this.area.selectionStart));
    if (!slash || document.activeElement !== this.area) return;
    const start = slash[1].toLowerCase();
    const found = (this.chat.room.commands ?? []).filter((c) => c[0].replace(/^\//, "").toLowerCase().startsWith(start));
    this.choose(found.map(([name, help]) => ({ word: "/" + name.replace(/^\//, ""), help })), slash[0].length);
  }

  people(start) {
    const { room, bot, me } = this.chat;
    const people = [bot, ...[...room.members.values()].filter((p) => p.id !== bot.id && p.id !== me.id)];
    if (me.role !== "member" && !room.direct) people.push({ id: "*", name: t("everyone"), role: "member" });
    return people.filter((p) => p.name.toLowerCase().includes(start)).slice(0, 30).map((person) => ({ person }));
  }

  choose(found, length = 0) {
    this.found = found;
    this.length = length;
    this.list.hidden = !found.length;
    this.area.setAttribute("aria-expanded", String(found.length > 0));
    this.list.replaceChildren(...found.map((choice, n) => h("div", {
      role: "option", id: `choice-${n}`, class: choice.word ? "command" : "person",
      onpointerdown: (event) => { event.preventDefault(); this.accept(choice); },
    }, ...(choice.word ? [h("b", {}, choice.word), h("span", {}, choice.help)] : [avatar(choice.person), h("b", {}, choice.person.name)]))));
    if (found.length) this.mark(0);
    else this.area.removeAttribute("aria-activedescendant");
  }

  mark(n) {
    this.at = n;
    [...this.list.children].forEach((node, i) => node.setAttribute("aria-selected", String(i === n)));
    this.list.children[n].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", `choice-${n}`);
  }

  accept(choice) {
    const to = this.area.selectionStart;
    const word = choice.word ?? "@" + choice.person.name;
    this.area.setRangeText(word + " ", to - this.length, to, "end");
    if (choice.person) this.mentions.push({ id: choice.person.id, name: choice.person.name });
    this.choose([]);
    this.area.focus();
    this.grow();
  }

  grow() {
    this.area.style.height = "auto";
    this.area.style.height = Math.min(this.area.scrollHeight, 180) + "px";
  }

  // --- pictures and files ---

  take(event, data) {
    const files = [...(data?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  add(files) {
    for (const file of files) {
      if (!TYPES.includes(file.type)) this.addFile(file);
      else if (file.size > LARGEST) this.chat.complain(t("picture.large"));
      else if (this.pictures.length >= PICTURES) this.chat.complain(t("picture.many"));
      else this.pictures = [...this.pictures, file];
    }
    this.drawPictures();
    this.area.focus();
  }

  addFile(file) {
    if (!file.size) this.chat.complain(t("file.empty"));
    else if (file.size > LARGEST_FILE) this.chat.complain(t("file.large"));
    else if (this.files.length >= FILES) this.chat.complain(t("file.many"));
    else this.files = [...this.files, file];
  }

  drawPictures() {
    $("pictures").hidden = !this.pictures.length && !this.files.length;
    const files = this.files.map((file) => {
      const drop = () => { this.files = this.files.filter((f) => f !== file); this.drawPictures(); this.area.focus(); };
      return h("li", {}, attachment(file.name, file.size),
        h("button", { type: "button", "aria-label": t("file.drop", { name: file.name }), onclick: drop }, "✕"));
    });
    $("pictures").replaceChildren(...files, ...this.pictures.map((file) => {
      const address = URL.createObjectURL(file);
      const drop = () => { this.pictures = this.pictures.filter((f) => f !== file); this.drawPictures(); this.area.focus(); };
      return h("li", {},
        h("img", { src: address, alt: file.name, onload: () => URL.revokeObjectURL(address) }),
        h("button", { type: "button", "aria-label": t("picture.drop", { name: file.name }), onclick: drop }, "✕"));
    }));
  }
}

/** The text as parts, with the chosen mentions cut out of it. */
export function pieces(text, mentions) {
  const parts = [];
  let from = 0;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    if (at < from) continue;
    const fits = mentions.filter((m) => text.startsWith(m.name, at + 1));
    const found = fits.sort((a, b) => b.name.length - a.name.length)[0];
    if (!found) continue;
    if (at > from) parts.push({ text: text.slice(from, at) });
    parts.push({ mention: found.id });
    from = at + 1 + found.name.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}
