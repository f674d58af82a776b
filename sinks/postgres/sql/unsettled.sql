-- Lock marks, the oldest first, passing over those that others hold. Parameters: limit; large, whether those that were postponed.
select id, identifier, judged
from portrait.unsettled
where large = %(large)s
order by id
limit %(limit)s
for update skip locked
