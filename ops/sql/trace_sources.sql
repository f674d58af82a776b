-- Every source of which an event is stored, at most so many, by skipping from one to the next. Parameter: limit.
with recursive known (source) as (
    (select source collate "C" from portrait.events order by source collate "C" limit 1)
    union all
    select (
        select event.source collate "C" from portrait.events as event
        where event.source collate "C" > known.source order by event.source collate "C" limit 1
    )
    from known
    where known.source is not null
)
select source from known where source is not null limit %(limit)s
