-- Every living customer's portrait, ordered by id.
select id::text, state from portrait.customers order by id
