-- Let be settled those of these nodes that are neither quarantined nor parked any more, and keep the others so until the commit: what
-- opens one of them waits, and then sees the links of this batch. Parameter: nodes.
with held as materialized (
    select identifier, standing from portrait.identifiers where node = any (%(nodes)s::uuid[]) order by node for share
)
insert into portrait.unsettled (identifier, judged)
select identifier, false from held where standing < 3
