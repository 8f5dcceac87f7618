"""Students' accounts, consents and data, and what they ask of staff."""
