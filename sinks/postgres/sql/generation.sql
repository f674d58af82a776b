-- How often the store was rebuilt.
select coalesce((select value::bigint from portrait.settings where name = 'generation'), 0)
