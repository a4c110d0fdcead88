// The words of the page, in Chinese and English. The server's sentences come in Chinese, with a code.

const ZH = {
  html: "zh-CN", skip: "跳到输入框", side: "群和成员", demo: "本地演示", lang: "Switch to English", rooms: "聊天",
  members: "成员", me: "我", nickname: "我的昵称", role: "在群里的身份", "role.member": "成员", "role.admin": "管理员",
  "role.owner": "群主", another: "以新成员打开 ↗", menu: "打开侧栏", leave: "退出本群", log: "消息", latest: "新消息",
  choices: "建议", unquote: "不引用了", attach: "发图片", share: "发文件", box: "消息", send: "发送",
  hint: "Enter 发送 · Shift+Enter 换行 · @ 提及 · / 命令", outside: "你不在这个群里。", join: "加入",
  "room.web:demo": "示例群", "room.web:test": "测试群", direct: "和{bot}私聊", "direct.sub": "只有你和{bot}",
  "online": "{n} 人在线", "not.joined": "未加入", you: "我", bot: "机器人", offline: "不在线",
  placeholder: "说点什么，或输入 / 看看命令", "placeholder.direct": "悄悄和{bot}说", "link.on": "已连接",
  "link.connecting": "连接中…", "link.off": "断开了，正在重连…", "intro.title": "和{bot}打个招呼吧",
  "intro.text": "这是本机演示，页面只显示每个群最近 200 条；机器人保存多久，发 /隐私 看。",
  "intro.direct": "这里只有你和{bot}。", try: "试试：", "try.help": "/帮助", "try.ask": "/问 怎么关闭一个插件？",
  "try.mention": "@{bot} 你好", private: "只有你能看到", recalled: "{name}撤回了一条消息", removed: "{name}的消息已被移除",
  quote: "引用", recall: "撤回", remove: "移除", react: "用 {emoji} 回应", tools: "对这条消息",
  "quote.lost": "原消息已不在", "quoting": "引用 {name}：{text}", picture: "[图片]", "picture.of": "{name} 发的图片",
  "picture.lost": "图片已过期", "picture.drop": "去掉图片 {name}", "picture.type": "只能发 PNG、JPEG、WebP 或 GIF 图片。",
  "picture.large": "图片太大了，最多 5 MB。", "picture.many": "一条消息最多 4 张图片。",
  "file": "[文件] {name}", "file.drop": "去掉文件 {name}", "file.large": "文件太大了，最多 20 MB。",
  "file.empty": "这个文件是空的。", "file.many": "一条消息最多 3 个文件。", "file.save": "下载 {name}", broken: "回答中断了",
  joined: "{name} 来了", left: "{name} 离开了", muted: "{name} 被禁言 {span}", unmuted: "{name} 可以说话了",
  kicked: "{name} 被移出了群", muted_all: "全员禁言了", unmuted_all: "大家可以说话了",
  seconds: "{n} 秒", minutes: "{n} 分钟", hours: "{n} 小时", days: "{n} 天", unsent: "还没连上，消息留在输入框里了。",
  failed: "没有发出去，请再试一次。", everyone: "所有人", "is.typing": "正在写",
};

const EN = {
  html: "en", skip: "Skip to the message box", side: "Groups and members", demo: "Local demo", lang: "切换到中文",
  rooms: "Chats", members: "Members", me: "Me", nickname: "My nickname", role: "My role in the groups",
  "role.member": "Member", "role.admin": "Admin", "role.owner": "Owner", another: "Open as another member ↗",
  menu: "Open the side bar", leave: "Leave group", log: "Messages", latest: "New messages", choices: "Suggestions",
  unquote: "Do not quote", attach: "Send a picture", share: "Send a file", box: "Message", send: "Send",
  hint: "Enter sends · Shift+Enter breaks the line · @ mentions · / commands", outside: "You are not in this group.",
  join: "Join", "room.web:demo": "Demo group", "room.web:test": "Test group", direct: "Chat with {bot}",
  "direct.sub": "Only you and {bot}", "online": "{n} online", "not.joined": "not joined", you: "me", bot: "bot",
  offline: "offline", placeholder: "Say something, or type / for commands", "placeholder.direct": "Tell {bot} in private",
  "link.on": "Connected", "link.connecting": "Connecting…", "link.off": "Lost, connecting again…",
  "intro.title": "Say hello to {bot}",
  "intro.text": "This is a demo on this computer. The page shows only the last 200 messages of each group; how long the bot keeps them, send /隐私 to see.",
  "intro.direct": "Only you and {bot} are here.", try: "Try:", "try.help": "/帮助", "try.ask": "/问 How do I close a plugin?",
  "try.mention": "@{bot} hello", private: "Only you can see this", recalled: "{name} took back a message",
  removed: "A message of {name} was removed", quote: "Quote", recall: "Take back", remove: "Remove",
  react: "React with {emoji}", tools: "For this message", "quote.lost": "The message is gone",
  "quoting": "Quoting {name}: {text}", picture: "[picture]", "picture.of": "Picture by {name}",
  "picture.lost": "The picture has expired", "picture.drop": "Leave out picture {name}",
  "picture.type": "Only PNG, JPEG, WebP or GIF pictures can be sent.", "picture.large": "The picture is larger than 5 MB.",
  "picture.many": "At most 4 pictures in one message.", "file": "[file] {name}", "file.drop": "Leave out file {name}",
  "file.large": "The file is larger than 20 MB.", "file.empty": "The file is empty.",
  "file.many": "At most 3 files in one message.", "file.save": "Download {name}", broken: "The answer broke off", joined: "{name} joined",
  left: "{name} left", muted: "{name} is muted for {span}", unmuted: "{name} may speak again",
  kicked: "{name} was removed", muted_all: "Everybody is muted", unmuted_all: "Everybody may speak again", seconds: "{n} s",
  minutes: "{n} min", hours: "{n} h", days: "{n} d", unsent: "Not connected yet; your message stays in the box.",
  failed: "It was not sent, please try again.", everyone: "everyone", "is.typing": "writing",
  "error.not_json": "That was not understood; please reload the page.",
  "error.wrong_form": "That was not understood; please reload the page.",
  "error.too_long": "Too long: a message has at most 4000 characters.", "error.too_fast": "Too fast; take a second.",
  "error.empty": "Nothing is written yet.", "error.hello_first": "Please reload the page first.",
  "error.hello_twice": "Already connected.", "error.unknown_group": "There is no such group.",
  "error.banned": "You were removed from this group and cannot come back.",
  "error.not_joined": "Join the group first.", "error.unknown_member": "Nobody of that name is here any more.",
  "error.not_everyone": "Only an admin can mention everyone.", "error.unknown_message": "That message is gone.",
  "error.not_yours": "You can only take back your own messages.", "error.muted": "You are muted for a while.",
  "error.name_taken": "That is the bot's name; please choose another.", "error.name_empty": "A name cannot be empty.",
  "error.not_image": "Only PNG, JPEG, WebP or GIF pictures can be sent.",
  "error.image_large": "The picture is larger than 5 MB.", "error.image_lost": "The picture did not arrive; choose it again.",
  "error.image_many": "At most 4 pictures in one message.", "error.file_large": "The file is larger than 20 MB.",
  "error.file_empty": "The file is empty.", "error.file_lost": "The file did not arrive; choose it again.",
  "error.file_many": "At most 3 files in one message.",
  "error.file_busy": "Other files are still on their way; please try again shortly.", "error.full": "Too many people; please come back later.",
  "error.internal": "Something went wrong; please try again later.",
};

const remembered = localStorage.getItem("lang");
let words = (remembered || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en")) === "zh" ? ZH : EN;

/** The sentence `key`, with {names} filled in. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The server's refusal in the page's language. */
export const refusal = (frame) => words["error." + frame.code] ?? frame.text;

export const roomName = (room, bot) =>
  room.direct ? t("direct", { bot: bot.name }) : words["room." + room.id] ?? room.name;

export function span(seconds) {
  const [unit, size] = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]].find(([, s]) => seconds >= s) ?? ["seconds", 1];
  return t(unit, { n: Math.round(seconds / size) });
}

/** A number of bytes for people to read. */
export function bytes(n) {
  if (n < 1000) return `${n} B`;
  return n < 1e6 ? `${Math.max(1, Math.round(n / 1000))} KB` : `${(n / 1e6).toFixed(1)} MB`;
}

export function switchWords() {
  words = words === ZH ? EN : ZH;
  localStorage.setItem("lang", words === ZH ? "zh" : "en");
}

/** Put the words into the page's fixed parts. */
export function label(root = document) {
  document.documentElement.lang = words.html;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node.matches("button")) node.title = t(node.dataset.tLabel);
  }
  const lang = document.getElementById("lang");
  lang.textContent = words === ZH ? "EN" : "中";
  lang.lang = words === ZH ? "en" : "zh-CN";
}

const FIRST = "爱笑 早起 认真 自在 好奇 温柔 慢悠悠 圆滚滚 热心 机灵 安静 晒太阳".split(" ");
const SECOND = "水獭 松鼠 小鹿 白鹭 熊猫 海豚 企鹅 刺猬 山雀 云豹 考拉 橘猫".split(" ");
const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** A friendly name for a newcomer. */
export const nickname = () => `${pick(FIRST)}的${pick(SECOND)}`;
