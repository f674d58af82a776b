-- People decided about some of these before they were seen: let it be settled. Parameter: identifiers.
insert into portrait.unsettled (identifier, judged)
select distinct named, true
from portrait.judgements as judgement cross join lateral unnest(judgement.left_side || judgement.right_side) as named
where judgement.undone_at is null and named = any (%(identifiers)s::text[])
