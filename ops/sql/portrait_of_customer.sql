-- A living customer's portrait and segments. Parameter: id.
select state, segments from portrait.customers where id = %(id)s::uuid
