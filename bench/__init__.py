"""What the bot costs, measured beside a bare one: `make bench`, or `python -m bench start`."""
