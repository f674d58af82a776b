-- Every event with its customer afresh, customer by customer.
select fresh.customer_id::text, event.body
from portrait.events as event
left join fresh_nodes as moved on moved.key = event.key
left join fresh_identifiers as fresh on fresh.node = case when moved.key is null then event.node else moved.node end
order by fresh.customer_id nulls first, event.key
