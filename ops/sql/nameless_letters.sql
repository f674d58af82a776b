-- How many dead letters were never sent again of which no id could be read, so that nobody can find them by it.
select count(*) from portrait.rejected where event_id is null and replayed_at is null
