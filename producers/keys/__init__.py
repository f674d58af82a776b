"""Who may send events: the file of keys. A sender is a `Source` in it, and whoever looks for one imports it from here.

Of a source the `file` says its key and what it may do; what a form on a page and a platform that sends webhooks need besides, say
`page_form` and `webhook`. `changes` writes into the file.
"""

from producers.keys.file import KeyFile, KeysError, Source, find_source, hash_key, make_key, read_sources

__all__ = ["KeyFile", "KeysError", "Source", "find_source", "hash_key", "make_key", "read_sources"]
