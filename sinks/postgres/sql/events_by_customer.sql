-- Every event with its living customer, customer by customer; those of nobody come first.
select coalesce(alias.customer_id, event.customer_id)::text as customer, event.body
from portrait.events as event
left join portrait.aliases as alias on alias.alias_id = event.customer_id
order by coalesce(alias.customer_id, event.customer_id) nulls first, event.key
