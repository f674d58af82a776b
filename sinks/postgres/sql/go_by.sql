-- A worker goes by these rules. Parameter: digest.
update portrait.sweeps set used_at = clock_timestamp() where digest = %(digest)s
