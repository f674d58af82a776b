-- Set a setting, unless it is set already.
insert into portrait.settings (name, value) values (%(name)s, %(value)s) on conflict (name) do nothing
