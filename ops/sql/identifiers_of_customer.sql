-- The identifiers of a customer, the strongest first: the identifier, from when on it means this customer (Unix ms, 0: from the
-- first), its standing. Parameter: id.
select identifier, since, standing
from portrait.identifiers
where customer_id = %(id)s::uuid
order by portrait.strength(split_part(identifier, ':', 1)), identifier collate "C", since
