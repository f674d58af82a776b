-- The customers of those of these identifiers that are not plain; one that changed hands has several. Parameter: nodes.
with doubtful as (
    select identifier, customer_id, standing
    from portrait.identifiers
    where node = any (%(nodes)s::uuid[]) and standing <> 0
)
select identifier, coalesce(customer_id::text, '') from doubtful
union all
select later.identifier, coalesce(later.customer_id::text, '')
from doubtful
join portrait.identifiers as later
    on substr(later.identifier, strpos(later.identifier, ':') + 1)
        = substr(doubtful.identifier, strpos(doubtful.identifier, ':') + 1)
    and later.identifier = doubtful.identifier
    and later.since > 0
where doubtful.standing >= 2
