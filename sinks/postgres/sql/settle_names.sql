-- Every id leads where it is to lead. One that lives again goes on counting its versions where it had stopped.
-- Parameters: ids, anchors, customers, arrays in the same order; at.
with named as (
    select id, anchor, customer
    from unnest(%(ids)s::uuid[], %(anchors)s::uuid[], %(customers)s::uuid[]) as named (id, anchor, customer)
), alive as (
    delete from portrait.aliases as alias using named where alias.alias_id = named.id and named.id = named.customer
    returning alias.alias_id, alias.version
), counted as (
    update portrait.customers as customer
    set anchor = named.anchor, version = customer.version + coalesce((select version from alive where alias_id = customer.id), 0)
    from named
    where customer.id = named.id and named.id = named.customer
)
insert into portrait.aliases as alias (alias_id, customer_id, merged_at, anchor)
select id, customer, %(at)s, anchor from named where id <> customer order by id
on conflict (alias_id) do update set customer_id = excluded.customer_id, anchor = excluded.anchor
