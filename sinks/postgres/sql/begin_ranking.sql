-- Lock the ranking of everybody, if it is time to compute it; nothing when it is not, when somebody else is at it, or as long as
-- everybody is being evaluated: what is to be ranked is not yet known of all. It may take longer than other statements. Parameter: now.
set local statement_timeout = 0;
select from portrait.rankings
where next_at <= %(now)s
    and coalesce((select finished_at is not null from portrait.sweeps order by begun_at desc limit 1), true)
for update skip locked
