-- Where the evaluation of everybody by these rules stands, unless it is finished, newer rules have begun, or somebody else is at it.
-- Parameter: digest.
select after::text
from portrait.sweeps
where digest = %(digest)s and finished_at is null
    and digest = (select newest.digest from portrait.sweeps as newest order by newest.begun_at desc limit 1)
for update skip locked
