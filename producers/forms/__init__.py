"""Answers to forms become events: of forms on pages, and of form services.

`post` reads what a browser sends, `services` know where form services put what was asked and answered; a `submission` is every
answer under all the names of its question; the `mapping` (kept in `mapping_files`, checked against `fields_of_events`) says what
they mean, and `event` makes of them what we keep. `page_submission` and `address` are for pages, which nobody vouches for.
"""
