-- Add a target, unless there is one of that name. Parameters: name, kind, settings, segments, actions, backfill, by.
insert into portrait.targets (name, kind, settings, segments, actions, backfill, created_by)
values (%(name)s, %(kind)s, %(settings)s::jsonb, %(segments)s::text[], %(actions)s::text[], %(backfill)s, %(by)s)
on conflict (name) do nothing
returning id
