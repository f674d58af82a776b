-- What operators should see to: targets of activation that do not take what they are told, or were paused for it, and rules of
-- segments that fail, and files of segments that cannot be used. What it is, and why with what shows more.
select 'target ' || name, coalesce(paused_because, problem) || ' (portrait activate ls)'
from portrait.targets
where coalesce(paused_because, problem) is not null
union all
select 'segment ' || segment, format('its rule failed for %%s customers, the last time with: %%s (portrait segments explain %%s)',
    times, message, segment)
from portrait.segment_failures
where segment <> '(files)'
union all
select 'segments', format('their files cannot be used, those of before are: %%s (portrait segments check)', message)
from portrait.segment_failures
where segment = '(files)'
union all
select 'segments', 'workers go by different rules: give all of them the same files of segments, and start those again that have others'
from portrait.sweeps as newest
where newest.begun_at = (select max(begun_at) from portrait.sweeps)
    and newest.begun_at < now() - interval '30 seconds'
    and newest.digest <> 'given up'
    and exists (
        select from portrait.sweeps as other
        where other.digest <> newest.digest and other.used_at > now() - interval '10 seconds'
    )
order by 1
