-- How many dead letters were never sent again of which no id could be read, so that nobody can find them by it; counted up to
-- a limit. Parameter: limit.
select count(*) from (select from portrait.rejected where event_id is null and replayed_at is null limit %(limit)s) as nameless
