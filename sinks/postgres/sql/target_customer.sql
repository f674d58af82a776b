-- The living customer that an id leads to. Parameter: customer.
select customer.id::text, customer.full_name, customer.email, customer.phone, customer.gender, customer.language,
       customer.province, customer.lifecycle, customer.points, customer.segments, customer.state
from portrait.customers as customer
where customer.id = coalesce(
    (select alias.customer_id from portrait.aliases as alias where alias.alias_id = %(customer)s::uuid),
    %(customer)s::uuid
)
