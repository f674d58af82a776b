-- What workers have read of the store until now, and not yet confirmed, is void.
insert into portrait.settings as kept (name, value) values ('generation', '1')
on conflict (name) do update set value = (kept.value::bigint + 1)::text
