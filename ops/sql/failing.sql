-- What operators should see to: targets of activation that do not take what they are told, or were paused for it, and rules of
-- segments that fail. What it is, and why with what shows more.
select 'target ' || name, coalesce(paused_because, problem) || ' (portrait activate ls)'
from portrait.targets
where coalesce(paused_because, problem) is not null
union all
select 'segment ' || segment, format('its rule failed for %%s customers, the last time with: %%s (portrait segments explain %%s)',
    times, message, segment)
from portrait.segment_failures
order by 1
