-- Rules of segments that fail, so that operators see them.

create table portrait.segment_failures (
    segment text primary key,
    message text not null,
    times   bigint not null,
    seen_at timestamptz not null
);
comment on table portrait.segment_failures is
    'Rules of segments that could not be evaluated for some customers, since a worker last began with rules: why, the last time.';
grant select, insert, update, delete on portrait.segment_failures to portrait_worker;
