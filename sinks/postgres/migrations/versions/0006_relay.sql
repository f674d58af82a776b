-- What the relay needs.

create table portrait.unpublished (
    entry       bigint primary key,
    customer_id uuid not null,
    change_id   bigint,
    error       text not null,
    failed_at   timestamptz not null default now()
);
comment on table portrait.unpublished is
    'Entries of the outbox that could not be made into a record, or that Kafka refused. Once the cause is mended: '
    'insert into portrait.outbox (customer_id, change_id) select customer_id, change_id from portrait.unpublished.';

-- Every row of the outbox dies young. Left to the defaults, which wait for a fifth of a table, the relay would read past millions
-- of dead ones to find the living.
alter table portrait.outbox set (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 100000
);
