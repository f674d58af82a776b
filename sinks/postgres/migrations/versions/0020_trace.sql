-- An event is found by its id alone through the sources there are: its key is a digest of both. There are few sources, so this index
-- is small, and its pages that grow stay in memory; one of ids would be as large as that of keys. Compared by bytes, in which it
-- costs a microsecond an event, whatever the language of the database.

create index events_of_source on portrait.events (source collate "C");
alter table portrait.events add column stored_at timestamptz;
alter table portrait.events alter column stored_at set default now();
comment on column portrait.events.stored_at is 'When the batch began that stored it; null of what was stored before this was kept.';

alter table portrait.duplicates add column seen_at timestamptz;
alter table portrait.duplicates alter column seen_at set default now();
comment on column portrait.duplicates.seen_at is 'When it was recognised; null of what was recognised before this was kept.';
create index duplicates_of_event on portrait.duplicates (key);

create index rejected_of_event on portrait.rejected (event_id) where event_id is not null;
create index rejected_nameless on portrait.rejected (rejected_at) where event_id is null and replayed_at is null;

create table portrait.rejected_attempts (
    number  bigint generated always as identity primary key,
    origin  text not null,
    at      timestamptz not null default now(),
    by      text not null,
    patch   text,
    outcome text not null check (outcome in ('sent', 'refused')),
    detail  text not null
);
create index rejected_attempts_of_letter on portrait.rejected_attempts (origin, number);
comment on table portrait.rejected_attempts is
    'Each attempt to send a dead letter again: who, with which patch (null: as it was, or repaired by hand), and what came of it: '
    'detail is the origin of what was sent, or why it was refused.';
