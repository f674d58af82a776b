-- Lock the marks of identifiers, passing over those that others hold. Parameters: identifiers; judged; large, whether those that were
-- postponed, too.
select id, identifier, judged
from portrait.unsettled
where identifier = any (%(identifiers)s::text[]) and judged = %(judged)s and large <= %(large)s
order by id
for update skip locked
