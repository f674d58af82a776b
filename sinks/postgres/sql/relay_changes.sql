-- Every move of these customers between segments up to a change, the oldest first: what went before says in which segments a
-- customer was then. Parameters: customers, last.
select id, customer_id::text, segment, family, action, at, reason, rule_version, backfill
from portrait.segment_changes
where customer_id = any (%(customers)s::uuid[]) and id <= %(last)s
order by id
