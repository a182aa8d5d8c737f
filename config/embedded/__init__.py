"""PostgreSQL and Valkey from wheels, and the supervisor that runs Winnow on a machine that has neither.

Nothing here needs Django's settings: it is what makes the database and the secrets that settings read.
"""
