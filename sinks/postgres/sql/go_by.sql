-- A worker goes by these rules: whether that could be noted at once. Whoever evaluates everybody by them notes it, too (`swept`).
-- Parameter: digest.
update portrait.sweeps
set used_at = clock_timestamp()
where digest = (select same.digest from portrait.sweeps as same where same.digest = %(digest)s for update skip locked)
returning true
