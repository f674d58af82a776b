-- Leave these as they are until people decide; what is quarantined stays so. Parameter: nodes.
with parked as (
    select node from portrait.identifiers where node = any (%(nodes)s::uuid[]) and standing <> 3 order by node for update
)
update portrait.identifiers as known set standing = 4 from parked where known.node = parked.node
