-- Evaluate everybody by these rules once more, if they are the newest, a worker went by others when that began or later, and none
-- does any more: what was decided by those is written at the latest some seconds after it was said so. Also, if nobody has gone by
-- the newest for long: a worker that had them was taken away. Parameter: digest.
update portrait.sweeps as mine
set after = '00000000-0000-0000-0000-000000000000', begun_at = clock_timestamp(), finished_at = null
from (select digest, used_at from portrait.sweeps order by begun_at desc limit 1) as newest
where mine.digest = %(digest)s
    and case when newest.digest = mine.digest then exists (
        select from portrait.sweeps as other
        where other.digest <> mine.digest
            and other.used_at > mine.begun_at - interval '10 seconds'
            and other.used_at < clock_timestamp() - interval '10 seconds'
    )
    else newest.digest <> 'given up' and newest.used_at < clock_timestamp() - interval '10 minutes' end
