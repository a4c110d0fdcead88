"""What every topic may fill in: invented contacts, prices, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_SOUNDS = (
    "ai an bai bao bei bo cai chen cheng chun da dong fa fan fei feng fu gang guo hai hao he hong hua hui jia jian"
    " jie jin jing jun kai ke lan lei li lin ling long lu mei meng min ming na ning peng qi qian qing rui shan sheng"
    " shu shui song tao tian ting wan wei wen wu xia xiao xin xing xue yan yang yi ying yu yuan yue yun ze zhen zhi"
).split()
_WORDS = (
    "vip best easy fast good gold happy king lucky max money new one plus pro shop smart star store super top trade"
    " wealth win world cloud tech data card game club fly link live sale deal mall hub bot zone"
).split()
_ENDS = "com cn net top vip xyz cc club shop site online info io me app pro live fun icu link store work".split()
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建文博浩宇轩子涵欣怡梓萱晨阳琪雨桐思远嘉"
_NICKS = (
    "小王 小李 阿强 阿杰 老张 小七 安安 大白 小鱼 阿宁 豆豆 糖糖 木木 小北 阿飞 老周 小雨 星星 可乐 团子 小鹿 阿泽"
    " 小美 静静 月月 老王 一凡 阿伟 果果 小陈"
).split()
_MAIL = ("qq.com", "163.com", "gmail.com", "outlook.com", "foxmail.com")
_CITIES = (
    "北京 上海 广州 深圳 杭州 成都 武汉 西安 南京 重庆 苏州 天津 长沙 郑州 青岛 合肥 厦门 福州 济南 昆明 东莞 佛山"
    " 宁波 沈阳 大连 无锡 石家庄 南昌 贵阳 南宁 哈尔滨 太原 常州 温州 珠海 海口"
).split()
_EMOJI = "🔥🚀💰💵🎁🎉✨⭐👉✅❤💎🧧📣📢👇💯🆓⚡🌹💥🏆🉐㊙📱🍀😍😊👍🙏"
_WECHAT = (
    "微信 微信号 V信 薇信 vx VX wx WX v V 微 威信 卫星 wechat 徽信 薇 V❤ 微❤ ✌️信 维信 加v 绿泡泡 WeChat 微信同号"
).split()
_QQ = "QQ qq Q 扣扣 Q号 企鹅 扣 qq号 QQ号 球球 秋秋".split()
_TG = "TG tg 飞机 电报 纸飞机 telegram Telegram ✈️ 小飞机 TG号".split()
_ADD = "加 加我 + ➕ 联系 咨询 私 请加 详情加 有需要加 添加 欢迎加 详询 可加 需要的加 报名加 拉群加 加我的".split()
_JOIN = ["", "", "", "", ":", "：", " ", "-", "号", "号:", "=", "～"]
_PLAIN = (
    "有需要私聊|需要的私我|私聊|私信我|有意私聊|感兴趣的私|滴滴我|要的滴滴|dd|来滴|联系我|找我|有需要的联系|欢迎咨询|"
    "扫码进群|扫码咨询|扫码领取|扫下方二维码|点链接|详情看链接|看我头像|看我签名|看简介|主页有联系方式|名字就是号|"
    "群里@我|加我好友|加好友详聊|私戳|戳我|速联系|名额有限，速来|先到先得|要的扣1|需要的扣1|进群了解|点击进群|需要的吱一声"
).split("|")


def _of(letters: str, low: int, high: int, dice: Random) -> str:
    return "".join(dice.choices(letters, k=dice.randint(low, high)))


def handle(dice: Random) -> str:
    """A name as people choose it for an account."""
    kind = dice.random()
    if kind < 0.4:
        return dice.choice(_SOUNDS) + dice.choice(["", dice.choice(_SOUNDS)]) + _of(_DIGITS, 2, 5, dice)
    if kind < 0.6:
        return dice.choice(_WORDS) + dice.choice(["", "_", dice.choice(_SOUNDS)]) + _of(_DIGITS, 1, 4, dice)
    if kind < 0.8:
        return _of(_LETTERS, 1, 4, dice) + _of(_DIGITS, 3, 8, dice)
    if kind < 0.9:
        return dice.choice(_WORDS) + "_" + dice.choice(_WORDS)
    return _of(_LETTERS, 5, 10, dice)


def number(dice: Random) -> str:
    """A QQ number: five to eleven digits."""
    return dice.choice("123456789") + _of(_DIGITS, 5, 9, dice)


def phone(dice: Random) -> str:
    """A number of a Chinese mobile phone."""
    return "1" + dice.choice("3456789") + _of(_DIGITS, 9, 9, dice)


def domain(dice: Random) -> str:
    """A cheap domain."""
    name = dice.choice(_WORDS) if dice.random() < 0.5 else dice.choice(_SOUNDS) + dice.choice(["", *_SOUNDS[:20]])
    before = dice.choice(["", "", "", "www.", "m.", "go.", "h5."])
    return f"{before}{name}{_of(_DIGITS, 0, 4, dice)}.{dice.choice(_ENDS)}"


def url(dice: Random) -> str:
    """An address with a path."""
    path = dice.choice(["", "/", "/" + _of(_LETTERS + _DIGITS, 3, 8, dice), "/?code=" + _of(_LETTERS, 4, 8, dice)])
    return f"{dice.choice(['https://', 'http://', 'https://', ''])}{domain(dice)}{path}"


def price(dice: Random) -> str:
    """An amount, without its unit."""
    return dice.choice(
        [str(dice.randint(1, 99)), str(dice.randint(1, 40) * 10 - 1), f"{dice.randint(1, 99)}.{dice.choice('589')}",
         str(dice.randint(1, 30) * 100), str(dice.randint(1, 9) * 1000), f"{dice.randint(1, 20)}w"]
    )  # fmt: skip


def contact(dice: Random) -> str:
    """A whole phrase that asks to get in touch."""
    kind = dice.random()
    if kind < 0.42:
        who = handle(dice) if dice.random() < 0.75 else dice.choice([phone, number])(dice)
        return dice.choice(["", dice.choice(_ADD)]) + dice.choice(_WECHAT) + dice.choice(_JOIN) + who
    if kind < 0.56:
        word = dice.choice([*_QQ, "Q群", "QQ群", "群", "企鹅群", "扣裙", "群号", "Q裙"])
        return dice.choice(["", dice.choice(_ADD)]) + word + dice.choice(_JOIN) + number(dice)
    if kind < 0.66:
        return dice.choice(["", dice.choice(_ADD)]) + dice.choice([*_TG, "", ""]) + " @" + handle(dice)
    if kind < 0.70:
        word = dice.choice(["电话", "手机", "联系电话", "详询", "热线", "", "手机微信同号"])
        return word + dice.choice(_JOIN) + phone(dice)
    if kind < 0.78:
        word = dice.choice(["网址", "官网", "注册", "链接", "点击", "戳", "下载", "", "地址"])
        return word + dice.choice(_JOIN) + url(dice)
    return dice.choice(_PLAIN)


def short(dice: Random) -> str:
    """A short link."""
    return dice.choice(["t.cn/", "dwz.cn/", "url.cn/", "bit.ly/", "s.id/"]) + _of(
        _LETTERS + "ABCDEXYZ1234567", 5, 8, dice
    )


def person(dice: Random) -> str:
    """A name, or what friends call somebody."""
    return dice.choice(_NICKS) if dice.random() < 0.5 else dice.choice(_SURNAMES) + _of(_GIVEN, 1, 2, dice)


def hour(dice: Random) -> str:
    """A time of the day."""
    day = dice.choice(["", "早上", "晚上", "下午", "明天", "今晚", "周六"])
    return f"{day}{dice.randint(1, 12)}点{dice.choice(['', '半', '整'])}"


SLOTS: Mapping[str, Callable[[Random], str]] = {
    "wechat": handle,
    "qq": number,
    "qqgroup": number,
    "phone": phone,
    "tg": lambda dice: "@" + handle(dice),
    "tglink": lambda dice: "t.me/" + dice.choice(["", "+", "joinchat/"]) + handle(dice),
    "domain": domain,
    "url": url,
    "short": short,
    "email": lambda dice: f"{handle(dice)}@{dice.choice(_MAIL)}",
    "price": price,
    "percent": lambda dice: f"{dice.randint(1, 100)}%",
    "n": lambda dice: str(dice.randint(1, 99)),
    "big": lambda dice: str(dice.randint(100, 99999)),
    "code": lambda dice: _of("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 5, 9, dice),
    "name": person,
    "time": hour,
    "emoji": lambda dice: dice.choice(_EMOJI),
    "contact": contact,
    "city": lambda dice: dice.choice(_CITIES),
}  # fmt: skip
