-- The living customers that are known by any of these. Parameter: identifiers, an array of KIND:VALUE. Of a value that changed hands,
-- the one that it means now.
select distinct on (known.identifier) known.identifier, known.customer_id::text
from unnest(%(identifiers)s::text[]) as asked (identifier)
join portrait.identifiers as known
    on substr(known.identifier, strpos(known.identifier, ':') + 1) = substr(asked.identifier, strpos(asked.identifier, ':') + 1)
    and known.identifier = asked.identifier
where known.customer_id is not null
order by known.identifier, known.since desc
