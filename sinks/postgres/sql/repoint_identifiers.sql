-- Let identifiers that were claimed for a customer which ended meanwhile lead to its survivor. Parameter: nodes.
update portrait.identifiers as known
set customer_id = alias.customer_id
from portrait.aliases as alias
where alias.alias_id = known.customer_id and known.node = any (%(nodes)s::uuid[])
