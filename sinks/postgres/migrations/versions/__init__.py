"""The migrations, in order: each `NUMBER_NAME.py` says what it is about, `NUMBER_NAME.sql` beside it does it."""
