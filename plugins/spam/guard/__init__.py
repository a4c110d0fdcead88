"""The guard: what the bot does with what the engine finds."""
