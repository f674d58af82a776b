-- Every event with the customer that its first identifier belongs to afresh, customer by customer.
select fresh.customer_id::text, event.body
from portrait.events as event
left join fresh_identifiers as fresh
    on fresh.identifier = (event.body::json #>> '{identifiers,0,0}') || ':' || (event.body::json #>> '{identifiers,0,1}')
order by fresh.customer_id nulls first, event.key
