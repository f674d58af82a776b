-- How often it was decided anew who some identifiers are.
select coalesce((select value::bigint from portrait.settings where name = 'settlements'), 0)
