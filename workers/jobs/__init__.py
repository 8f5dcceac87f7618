"""RQ jobs: thin, with ids as arguments, results in the database, harmless to run twice."""
