"""The demo school: drawn portraits, invented people. Imported by cli and tests only."""
