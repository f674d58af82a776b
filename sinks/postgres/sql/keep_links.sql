-- Keep, of each pair of identifiers, the earliest event that linked them. Parameter: links, a JSON array of objects
-- {a, b, time, key, rule}.
insert into portrait.links as kept (a, b, time, key, rule)
select a, b, time, key, rule
from json_to_recordset(%(links)s) as link (a text, b text, time timestamptz, key uuid, rule text)
order by a collate "C", b collate "C"
on conflict (a, b) do update set time = excluded.time, key = excluded.key, rule = excluded.rule
where (excluded.time, excluded.key) < (kept.time, kept.key)
