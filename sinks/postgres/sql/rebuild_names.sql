-- Every id that was given out: what it began with, and the living customer that it leads to. One that only identifiers tell of, too.
select id::text, replace(anchor::text, '-', ''), id::text from portrait.customers
union all
select alias_id::text, replace(anchor::text, '-', ''), customer_id::text from portrait.aliases
union all
select customer_id::text, replace(min(node::text), '-', ''), customer_id::text
from portrait.identifiers as known
where customer_id is not null
    and not exists (select from portrait.customers as customer where customer.id = known.customer_id)
    and not exists (select from portrait.aliases as alias where alias.alias_id = known.customer_id)
group by customer_id
