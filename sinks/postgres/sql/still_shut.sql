-- Of these nodes, how many are as they were found: quarantined or parked. They stay so until the commit: what opens one waits, and then
-- sees the links of this batch. Parameters: nodes; standings, arrays in the same order.
with held as materialized (
    select node, standing from portrait.identifiers where node = any (%(nodes)s::uuid[]) order by node for share
)
select count(*) from held join unnest(%(nodes)s::uuid[], %(standings)s::smallint[]) as found (node, standing) using (node, standing)
