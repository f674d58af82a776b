-- The latest events of a customer, under whatever id they were stored. Parameters: id, limit.
select body from portrait.history where customer_id = %(id)s::uuid order by time desc, key desc limit %(limit)s
