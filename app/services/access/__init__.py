"""Who of the staff may sign in, and how they prove it."""
