-- What is to be published, the oldest first: all entries, among the oldest, of some customers. The more there are of one customer,
-- the fewer records are published. Ids are given out before they are committed, so a smaller one may appear later; but not for the
-- same customer, whose row is locked meanwhile. Parameters: customers, the most of them; entries, how many of the oldest to look at.
with oldest as (
    select id, customer_id, coalesce(first_change_id, change_id) as first_change_id, change_id, identity_change_id
    from portrait.outbox order by id limit %(entries)s
), chosen as (
    select customer_id from oldest group by customer_id order by min(id) limit %(customers)s
)
select id, customer_id::text, first_change_id, change_id, identity_change_id
from oldest join chosen using (customer_id)
order by id
