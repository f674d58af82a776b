-- Living customers as they are now. Parameter: customers.
select id::text, version, updated_at, lifecycle, currency, acquisition_channel, preferred_channel, preferred_store, state
from portrait.customers
where id = any (%(customers)s::uuid[])
