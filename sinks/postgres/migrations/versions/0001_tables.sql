-- The private schema: what the stream writes. Downstream tools read schema crm, which is made of views on this.

create schema if not exists portrait;

create table portrait.settings (
    name  text primary key,
    value text not null
);
comment on table portrait.settings is 'What must not change under a store: the base currency, the Kafka cluster.';

create table portrait.positions (
    topic        text not null,
    partition    integer not null,
    first_offset bigint not null,
    next_offset  bigint not null,
    updated_at   timestamptz not null default now(),
    primary key (topic, partition)
) with (fillfactor = 50);
comment on table portrait.positions is
    'Up to where each partition was applied. Moves in the transaction that applies; its row lock fences zombies.';

create table portrait.events (
    key         uuid primary key,
    customer_id uuid,
    time        timestamptz not null,
    received_at timestamptz not null,
    type        text not null,
    channel     text not null,
    source      text not null,
    id          text not null,
    order_id    text,
    origin      text not null,
    body        text not null
);
create index events_of_customer on portrait.events (customer_id, order_id);
comment on table portrait.events is
    'Every event, once. customer_id is the customer it was first given to; portrait.aliases says who that is now. '
    'order_id is set for purchases only. body is the clean event, as JSON.';

create table portrait.duplicates (
    origin text primary key,
    key    uuid not null
);
comment on table portrait.duplicates is 'Records that repeat a stored event: where they were received, and which event it is.';

create table portrait.identifiers (
    identifier  text collate "C" primary key,
    customer_id uuid not null
);
create index identifiers_of_customer on portrait.identifiers (customer_id);
comment on table portrait.identifiers is 'KIND:VALUE of every identifier, and the living customer it belongs to.';

create table portrait.links (
    a    text collate "C" not null,
    b    text collate "C" not null,
    time timestamptz not null,
    key  uuid not null,
    rule text not null,
    primary key (a, b)
);
comment on table portrait.links is 'Facts: the earliest event that named identifiers a and b together, and the rule.';

create table portrait.customers (
    id                  uuid primary key,
    version             bigint not null,
    updated_at          timestamptz not null,
    lifecycle           text not null,
    segments            text[] not null,
    due_at              timestamptz,
    full_name           text,
    email               text,
    phone               text,
    birthday            date,
    age_band            text,
    gender              text,
    province            text,
    area                text,
    income_band         text,
    language            text,
    acquisition_channel text,
    preferred_channel   text,
    preferred_store     text,
    first_seen_at       timestamptz not null,
    last_seen_at        timestamptz not null,
    events              bigint not null,
    orders              bigint not null,
    revenue             numeric not null,
    currency            text not null,
    revenue_by_currency jsonb not null,
    first_order_at      timestamptz,
    last_order_at       timestamptz,
    points              bigint not null,
    state               text not null
) with (fillfactor = 70);
create index customers_due on portrait.customers (due_at) where due_at is not null;
comment on column portrait.customers.due_at is
    'Not later than the next instant at which time alone could change a segment. It is only moved back when it has come, so '
    'that an ordinary update changes no indexed column.';
comment on table portrait.customers is 'One row a living customer: the portrait (state, JSON) and the columns derived from it.';

create table portrait.aliases (
    alias_id    uuid primary key,
    customer_id uuid not null,
    merged_at   timestamptz not null
);
create index aliases_of_customer on portrait.aliases (customer_id);
comment on table portrait.aliases is 'Ids of customers that became part of another one, and the living customer they are now.';

create table portrait.memberships (
    customer_id  uuid not null,
    segment      text not null,
    family       text not null,
    since        timestamptz not null,
    reason       text not null,
    rule_version integer not null,
    primary key (customer_id, segment)
);
create index members_of_segment on portrait.memberships (segment);

create table portrait.segment_changes (
    id           bigint generated always as identity primary key,
    customer_id  uuid not null,
    segment      text not null,
    family       text not null,
    action       text not null check (action in ('entered', 'left')),
    at           timestamptz not null,
    reason       text not null,
    rule_version integer not null
);
create index segment_changes_of_customer on portrait.segment_changes (customer_id);

create table portrait.outbox (
    id          bigint generated always as identity primary key,
    customer_id uuid not null,
    change_id   bigint
);
comment on table portrait.outbox is
    'What the relay has yet to publish: a segment change, or (change_id null) the profile of a customer as it is then.';

create table portrait.rejected (
    origin      text primary key,
    reason      text not null,
    path        text not null,
    message     text not null,
    rejected_at timestamptz not null,
    event_id    text,
    source      text,
    topic       text,
    payload     bytea not null,
    key         bytea,
    replayed_at timestamptz,
    replayed_as text
);
create index rejected_by_time on portrait.rejected (rejected_at);
comment on table portrait.rejected is 'Every dead letter of events.rejected, with its original bytes.';
