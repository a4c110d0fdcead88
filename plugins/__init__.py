"""What a group can switch on: each imports `bot.api` and nothing else of the bot."""
