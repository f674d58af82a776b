-- The last entry; 0 when there is none.
select coalesce(max(id), 0) from portrait.outbox
