-- Whether everybody was evaluated by these rules, and by none since, or there never were others. Parameter: digest.
select coalesce((
    select digest = %(digest)s and finished_at is not null from portrait.sweeps order by begun_at desc limit 1
), true)
