"""What can go wrong, sorted by who must act.

XiaopengError
├── Refusal           the member: one sentence that says what to do instead
│   └── FetchError        an address on the web, or a file behind one, could not be got
│       └── TooLarge          it holds more than is wanted
├── ConfigError       the operator: the setting's name and the remedy
├── StoreError        the operator: the database cannot write just now
├── AdapterError      the platform refused or did not answer
└── ModelError        a model could not answer
    ├── ModelAuth         the key is wrong or may not use this model
    ├── ModelQuota        the account behind the key has no money or quota left
    ├── ModelBusy         too many requests; later it works
    ├── ModelFiltered     the vendor's filter refused the question or the answer
    ├── ModelBadInput     the request was not understood (too long, unknown model or option)
    ├── ModelUnavailable  no connection, a time-out, a server error
    ├── ModelTruncated    the answer broke off
    └── ModelEmpty        the server answered, with nothing
"""

from __future__ import annotations


class XiaopengError(Exception):
    """The root of all errors that the house raises on purpose."""


class Refusal(XiaopengError):
    """A member asked for what cannot be done; the text is shown to them as it is."""


class FetchError(Refusal):
    """What an address holds could not be got; the text says why, and never repeats the address."""


class TooLarge(FetchError):
    """There is more than is wanted."""

    @classmethod
    def over(cls, limit: int) -> TooLarge:
        """The error for what has more than `limit` bytes."""
        return cls(f"太大了，最多 {limit / 1e6:g} MB。")


class ConfigError(XiaopengError):
    """A setting is wrong: `setting` is its name, `remedy` says what to do."""

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem} {remedy}")
        self.setting = setting
        self.problem = problem
        self.remedy = remedy


class StoreError(XiaopengError):
    """The database could not write; nothing of the failed write is kept."""


class AdapterError(XiaopengError):
    """A call to the platform failed. `ambiguous`: it may have taken effect all the same."""

    def __init__(self, reason: str, *, ambiguous: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ambiguous = ambiguous


class ModelError(XiaopengError):
    """A model could not answer. `said` is for members; `detail` for the operator's log."""

    said = "模型出了点问题，请稍后再试。"

    def __init__(self, detail: str = "", *, model: str = "") -> None:
        super().__init__(detail or self.said)
        self.detail = detail
        self.model = model


class ModelAuth(ModelError):
    said = "模型的密钥不对或没有权限，已经告诉运营者。"


class ModelQuota(ModelError):
    said = "模型账户的额度用完了，已经告诉运营者。"


class ModelBusy(ModelError):
    said = "问的人太多，模型忙不过来，请过一分钟再试。"


class ModelFiltered(ModelError):
    said = "这个问题没有通过模型方的内容审核，请换个说法。"


class ModelBadInput(ModelError):
    said = "模型没有接受这个请求，可以短一点再试；总是这样就请告诉运营者。"


class ModelUnavailable(ModelError):
    said = "模型暂时连不上，请稍后再试。"


class ModelTruncated(ModelError):
    said = "回答在中途断开了，请再问一次。"


class ModelEmpty(ModelError):
    said = "模型没有给出内容，请再问一次。"
