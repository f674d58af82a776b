-- The relations that customers have now: customer, relation, owner, since when, when assigned. Parameters: owner, relation (null: all),
-- customer (null: all), limit.
select customer_id::text as customer, relation, owner, since, assigned_at
from crm.accounts
where (%(owner)s::text is null or lower(owner) = lower(%(owner)s::text))
    and (%(relation)s::text is null or relation = %(relation)s::text)
    and (%(customer)s::uuid is null or customer_id = %(customer)s::uuid)
order by lower(owner) collate "C" nulls last, relation collate "C", since, customer_id
limit %(limit)s
