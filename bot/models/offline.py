"""The stand-in that answers where no model is registered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from bot.config import variable
from bot.models.base import Completion, Turn

_SENTENCES = (
    "我还没有接上 AI 模型，这是离线替身在说话，暂时答不了问题。",
    f"运营者看 README 的「登记模型」就能接上（{variable('models', '…')}）。",
)


class Offline:
    """A chat model without a model: it says what it is and how to register a real one."""

    name = "offline"
    generated = False

    async def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]:
        """Yield the same few sentences, whatever was asked."""
        completion.model = self.name
        for sentence in _SENTENCES:
            yield sentence
        completion.finish = "stop"

    async def prepare(self) -> None:
        """Nothing is to be loaded."""

    async def close(self) -> None:
        """Nothing is open."""
