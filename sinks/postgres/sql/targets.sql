-- Every target, by name.
select id, name, kind, settings::text, segments, actions, backfill, paused_at, paused_because, created_at, created_by,
       delivered, skipped, delivered_at, failing_since, problem,
       (select count(*) from portrait.undelivered as letter where letter.target_id = target.id and resent_at is null)
from portrait.targets as target order by name
