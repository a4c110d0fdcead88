"""The QQ side of the benches: one OneBot v11 implementation with as many groups as wanted, in its own process."""
