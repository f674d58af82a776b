-- The evaluation of everybody by these rules is given up: they were begun with, and then some that are nobody's, so that whatever
-- rules a worker starts with are others. Newer ones than these go on. Parameter: digest.
insert into portrait.sweeps as swept (digest, begun_at, finished_at, used_at)
select 'given up', begun_at + interval '1 microsecond', clock_timestamp(), clock_timestamp()
from portrait.sweeps
where digest = %(digest)s
on conflict (digest) do update
set begun_at = excluded.begun_at, finished_at = excluded.finished_at, used_at = excluded.used_at
