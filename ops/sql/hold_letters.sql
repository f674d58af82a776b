-- Lock dead letters until commit, so that two people cannot send the same one. Parameter: origins.
select origin, payload, replayed_as
from portrait.rejected
where origin = any(%(origins)s)
order by origin
for update
