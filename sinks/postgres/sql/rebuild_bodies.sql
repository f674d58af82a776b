-- The body of every event, in no order.
select body from portrait.events
