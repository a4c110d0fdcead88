"""The prompts that ship with the bot, as files next to this one."""
