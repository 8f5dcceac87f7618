"""Review: the queue, leases, decisions with their reasons, and the figures of it."""
