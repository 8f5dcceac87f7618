"""Who of the staff may sign in, how they prove it, which orders they may see, and at what they looked."""
