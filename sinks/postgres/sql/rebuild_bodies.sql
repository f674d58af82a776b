-- The node and the body of every event, in no order.
select replace(node::text, '-', ''), body from portrait.events
