"""A folder into which tills and people put files: they are imported when they are whole, and a report lies beside each.

`watch` looks into the `folder` again and again and gives what is whole to `one_file`, which imports it; `sent_lines` knows the
lines that come a second time, and `report` says what came of it.
"""
