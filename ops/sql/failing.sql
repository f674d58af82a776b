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
order by 1
