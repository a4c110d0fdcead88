"""Every chat model of the house, held to the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.config import Model
from bot.models.base import ChatModel
from bot.models.offline import Offline
from bot.models.openai import OpenAIChat
from tests.contracts.chat_model import ChatModelContract, whole
from tests.peers.openai_server import OpenAIServer


class TestOffline(ChatModelContract):
    def make(self) -> ChatModel:
        return Offline()

    async def test_it_says_what_it_is_and_how_to_get_a_model(self, model: ChatModel) -> None:
        said = await whole(model)
        for word in ("离线", "没有", "AI", "README", "XIAOPENG_MODELS__"):
            assert word in said
        assert not model.generated


class TestOpenAIChat(ChatModelContract):
    """A vendor: the default wire, with token counts."""

    preset = "openai"
    far_end: OpenAIServer

    @pytest.fixture(autouse=True)
    async def _serve(self) -> AsyncIterator[None]:
        async with OpenAIServer() as self.far_end:
            self.far_end.answer = "一二三四五六七八九十"
            yield

    def make(self) -> ChatModel:
        key = SecretStr("sk-contract-0123456789")
        settings = Model(
            preset=self.preset, model="m", base_url=self.far_end.base_url, api_key=key, timeout=5, retries=0
        )
        return OpenAIChat("main", settings)

    async def test_an_ai_writes(self, model: ChatModel) -> None:
        assert model.generated


class TestOpenAIChatWithoutCounts(TestOpenAIChat):
    """A vendor that knows no `stream_options`."""

    preset = "mindie"
