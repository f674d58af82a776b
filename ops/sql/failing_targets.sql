-- The targets of activation that do not take what they are told, or that were paused for it: name, and why.
select name, coalesce(paused_because, problem) from portrait.targets where coalesce(paused_because, problem) is not null order by name
