"""What platforms send to a webhook becomes events. `notice` is the contract between the door and each of them.

Of a notice a platform checks who signed it (`secret`), `cut` takes it apart, and each item becomes an event: by `form`, `zalo` or
`meta` (its `meta_changes` and `meta_messages`, in one `meta_scene`), in the terms of `social`. `admit_items` decides about each.
"""
