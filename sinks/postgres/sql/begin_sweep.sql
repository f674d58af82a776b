-- Evaluate everybody by these rules, unless they are those that were begun with last. Parameter: digest.
insert into portrait.sweeps as swept (digest, begun_at) values (%(digest)s, clock_timestamp())
on conflict (digest) do update
set after = '00000000-0000-0000-0000-000000000000', begun_at = excluded.begun_at, finished_at = null, used_at = excluded.begun_at
where (select newest.digest from portrait.sweeps as newest order by newest.begun_at desc limit 1) <> excluded.digest
