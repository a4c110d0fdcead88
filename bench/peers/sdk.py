"""The openai SDK alone, with the client settings of our bot: the yardstick of its questions.

`python -m bench.peers.sdk <base url>` reads the body of a request as one line of JSON, then lines
"<how many> <0 or 1: all at once>", and answers each by one line: the milliseconds of every answer.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import httpx2
import openai
import orjson
import uvloop


async def ask(client: openai.AsyncOpenAI, body: dict[str, object]) -> float:
    """Milliseconds until the last piece of an answer has come. Raises what the SDK raises."""
    # Without the SDK's models of the pieces, as our bot asks: they would make the yardstick longer.
    begun, text = time.perf_counter(), ""
    stream = await client.post(
        "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[Any]
    )
    async for chunk in stream:
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
    assert text.startswith("答 "), text
    return (time.perf_counter() - begun) * 1000


async def main(base_url: str) -> None:
    client = openai.AsyncOpenAI(
        api_key="none",
        base_url=base_url,
        max_retries=2,
        timeout=httpx2.Timeout(60, connect=5),
        default_headers={"Accept-Encoding": "identity"},
        http_client=openai.DefaultAioHttpClient(trust_env=False),
    )
    loop = asyncio.get_running_loop()
    body = orjson.loads(await loop.run_in_executor(None, sys.stdin.readline))
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count, at_once = map(int, line.split())
        if at_once:
            took = list(await asyncio.gather(*(ask(client, body) for _ in range(count))))
        else:
            took = [await ask(client, body) for _ in range(count)]
        print(orjson.dumps(took).decode(), flush=True)
    await client.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
