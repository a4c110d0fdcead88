"""`xiaopeng qq`: what to type into a OneBot v11 implementation, and what comes of it, line by line.

paste      the address, the token, and where they go
secret     an access token, made and kept in .env
source     where the report comes from: the bot that runs, or the same door opened here
report     what the adapter tells of its accounts and of mistakes
watch      a report becomes lines: what is new in it, and whether all is well
remedies   each known mistake, and what to do about it
"""

from __future__ import annotations

from bot.pairing.run import pair

__all__ = ["pair"]
