-- Become the one relay of this database, or learn that another one is. Held until the connection ends.
select pg_try_advisory_lock(%(lock)s)
