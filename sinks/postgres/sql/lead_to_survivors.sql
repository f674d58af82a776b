-- What led to customers that became part of others, ids and identifiers, leads to these. Returns the ids: those given out before.
-- Parameters: ended and survivors, arrays in the same order.
with pair as (
    select ended, survivor
    from unnest(%(ended)s::uuid[], %(survivors)s::uuid[]) as pair (ended, survivor)
), moved_aliases as (
    update portrait.aliases as alias set customer_id = pair.survivor from pair where alias.customer_id = pair.ended
    returning alias.alias_id::text, pair.survivor::text
), moved_identifiers as (
    update portrait.identifiers as known set customer_id = pair.survivor from pair where known.customer_id = pair.ended
)
select alias_id, survivor from moved_aliases order by alias_id
