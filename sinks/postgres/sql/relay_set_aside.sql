-- Keep what cannot be published where it is in nobody's way. Parameters: entries; errors, arrays in the same order.
insert into portrait.unpublished (entry, customer_id, first_change_id, change_id, identity_change_id, error)
select entry.id, entry.customer_id, entry.first_change_id, entry.change_id, entry.identity_change_id, failed.error
from unnest(%(entries)s::bigint[], %(errors)s::text[]) as failed (id, error)
join portrait.outbox as entry on entry.id = failed.id
on conflict (entry) do nothing
