-- What `portrait serve` asks, and no more: neither the body of an event, nor the bytes of a dead letter, nor an identifier.

create view portrait.node_customers as
select known.node, known.customer_id,
       exists (select from portrait.unsettled as waiting where waiting.identifier = known.identifier) as open
from portrait.identifiers as known;
comment on view portrait.node_customers is
    'Whose the events of a node are, and whether that is being decided anew; does not name the identifier.';

grant usage on schema portrait to portrait_finder;
grant select on portrait.positions, portrait.node_customers to portrait_finder;
grant select (key, time, received_at, stored_at, type, source, origin, node) on portrait.events to portrait_finder;
grant select (origin, key, seen_at) on portrait.duplicates to portrait_finder;
grant select (origin, reason, path, message, rejected_at, event_id, source, topic, replayed_at, replayed_as)
    on portrait.rejected to portrait_finder;
