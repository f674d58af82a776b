-- Keep dead letters, once each. Parameter: letters, a JSON array of objects as in schemas.rejected.DeadLetter.
insert into portrait.rejected (origin, reason, path, message, rejected_at, event_id, source, topic, payload, key)
select origin, reason, path, message, to_timestamp(rejected_at / 1000.0), event_id, source, topic,
       decode(payload, 'base64'), decode(key, 'base64')
from json_to_recordset(%(letters)s) as letter (
    origin text, reason text, path text, message text, rejected_at bigint, event_id text, source text, topic text,
    payload text, key text
)
order by origin
on conflict (origin) do nothing
