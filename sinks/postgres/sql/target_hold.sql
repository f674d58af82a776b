-- Become the one who delivers to a target, or learn that somebody else is. Held until the connection ends.
-- Parameters: lock, target.
select pg_try_advisory_lock(%(lock)s, %(target)s)
