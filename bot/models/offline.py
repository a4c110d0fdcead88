"""The stand-in that answers where no model is registered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from bot.config import variable
from bot.models.base import Completion, Turn

_SENTENCES = (
    "我是离线替身，背后没有接入 AI 模型，所以现在还答不了问题。",
    f"请运营者设置 {variable('models', '<NAME>', 'model')}、"
    f"{variable('models', '<NAME>', 'preset')}（或 {variable('models', '<NAME>', 'base_url')}）"
    f"和 {variable('models', '<NAME>', 'api_key')}，",
    "写法见 .env.example，重启后就能问我了。",
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
