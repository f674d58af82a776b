-- What is to be published, the oldest first. Ids are given out before they are committed, so a smaller one may appear later; but
-- not for the same customer, whose row is locked meanwhile.
select id, customer_id::text, change_id
from portrait.outbox
order by id
limit %(limit)s
