-- Activation: other systems that are told of segment changes. Positions are here and not in a consumer group of Kafka: they move
-- in the transaction that keeps a dead letter, and they do not expire while a target is paused.

create table portrait.targets (
    id             bigint generated always as identity primary key,
    name           text not null unique,
    kind           text not null check (kind in ('webhook', 'email', 'csv')),
    settings       jsonb not null,
    segments       text[] not null,
    actions        text[] not null,
    backfill       boolean not null,
    paused_at      timestamptz,
    paused_because text,
    created_at     timestamptz not null default now(),
    created_by     text not null,
    delivered      bigint not null default 0,
    skipped        bigint not null default 0,
    delivered_at   timestamptz,
    failing_since  timestamptz,
    problem        text
) with (fillfactor = 50);
comment on table portrait.targets is 'Systems that are told of segment changes (portrait activate), and how that goes.';
comment on column portrait.targets.settings is
    'By kind, see sinks/activation/targets.py. A secret is not in here: env:NAME or file:PATH says where it is.';
comment on column portrait.targets.segments is 'Segments and families that it follows; none: all.';
comment on column portrait.targets.actions is 'Those of entered, left that it is told.';
comment on column portrait.targets.backfill is 'Whether it is also told of changes that nobody made just now.';
comment on column portrait.targets.paused_because is 'Why it is paused, when a person did not do it.';
comment on column portrait.targets.skipped is 'Changes that it was not to be told, such as those of other segments.';
comment on column portrait.targets.failing_since is 'Since when it has not answered, or not as it should; null: it works.';
comment on column portrait.targets.problem is 'The last that went wrong, until something is delivered again.';

create table portrait.target_positions (
    target_id   bigint not null references portrait.targets (id) on delete cascade,
    partition   integer not null,
    next_offset bigint not null,
    primary key (target_id, partition)
) with (fillfactor = 50);
comment on table portrait.target_positions is
    'Up to where each target has been told of each partition of segment-changes: what is before it is delivered, skipped or a '
    'dead letter.';

create table portrait.undelivered (
    id          bigint generated always as identity primary key,
    target_id   bigint not null references portrait.targets (id) on delete cascade,
    change_id   text not null,
    customer_id text not null,
    message     bytea not null,
    reason      text not null,
    attempts    integer not null,
    failed_at   timestamptz not null default now(),
    resent_at   timestamptz,
    unique (target_id, change_id)
);
create index undelivered_waiting on portrait.undelivered (target_id, id) where resent_at is null;
comment on table portrait.undelivered is
    'Changes that a target would not take: dead letters, until portrait activate resend. message is the record as it was.';

create table portrait.told (
    target_id bigint not null references portrait.targets (id) on delete cascade,
    change_id text not null,
    at        timestamptz not null default now(),
    primary key (target_id, change_id)
);
create index told_by_time on portrait.told (at);
comment on table portrait.told is
    'Changes of which an e-mail was sent: the topic may have a change twice, and who reads mail does not know it again.';
