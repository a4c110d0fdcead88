"""The bots beside ours: each answers `/ping T` by `pong T` and logs every message to SQLite. Each runs alone."""
