-- What was recorded of a customer's relations, the latest first. Parameter: customer.
select relation, action, at, owner, since, note, recorded_by
from crm.account_history
where customer_id = %(customer)s::uuid
order by at desc, event_key desc
