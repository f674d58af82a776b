-- Evaluate everybody by these rules once more, if they are the newest, a worker went by others when that began or later, and none
-- does any more: what was decided by those is written at the latest some seconds after it was said so. Parameter: digest.
update portrait.sweeps as newest
set after = '00000000-0000-0000-0000-000000000000', begun_at = clock_timestamp(), finished_at = null
where digest = %(digest)s
    and digest = (select latest.digest from portrait.sweeps as latest order by latest.begun_at desc limit 1)
    and exists (
        select from portrait.sweeps as other
        where other.digest <> newest.digest
            and other.used_at > newest.begun_at - interval '10 seconds'
            and other.used_at < clock_timestamp() - interval '10 seconds'
    )
