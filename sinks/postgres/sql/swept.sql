-- Everybody up to a customer was evaluated by these rules; everybody, when there is none. Parameters: digest, after.
update portrait.sweeps
set after = coalesce(%(after)s::uuid, after), finished_at = case when %(after)s::uuid is null then now() end,
    used_at = clock_timestamp()
where digest = %(digest)s
