-- Lock marks, the oldest first, passing over those that others hold. Parameter: limit.
select id, identifier, judged
from portrait.unsettled
where not large
order by id
limit %(limit)s
for update skip locked
