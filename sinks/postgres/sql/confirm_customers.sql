-- Lock customers in one sorted order; return of how many is known what was known when they were read, and of those of them that
-- were evaluated since, the segments. Parameters: ids; facts, evaluations, arrays in the same order.
with held as materialized (
    select id, version - evaluations as facts, evaluations, segments
    from portrait.customers
    where id = any (%(ids)s::uuid[])
    order by id
    for update
)
select count(*), coalesce(jsonb_object_agg(id, segments) filter (where held.evaluations <> seen.evaluations), '{}')
from held
join unnest(%(ids)s::uuid[], %(facts)s::bigint[], %(evaluations)s::bigint[]) as seen (id, facts, evaluations) using (id, facts)
