-- Judgements in force that name any of these, the oldest first. Parameter: identifiers.
select id, kind, left_side, right_side, at, by, why
from portrait.judgements
where undone_at is null and (left_side && %(identifiers)s::text[] or right_side && %(identifiers)s::text[])
order by id
