-- Who is who follows from links, rules and judgements, and can change: so an event belongs to an identifier, and only through this
-- to a customer. A customer that is divided leaves its events where they are.

create function portrait.node_of(name text) returns uuid
language sql immutable strict parallel safe
return encode(substr(sha256(convert_to(name, 'UTF8')), 1, 16), 'hex')::uuid;
comment on function portrait.node_of(text) is
    'The node that KIND:VALUE is (schemas/identifiers.py: node_of); of a later part of a recycled one, it is made otherwise.';

create function portrait.strength(kind text) returns integer
language sql immutable strict parallel safe
return array_position(array['customer_no', 'card_no', 'email', 'phone', 'facebook_id', 'zalo_id', 'tiktok_id', 'instagram_id',
                            'device_id', 'anonymous_id'], kind);
comment on function portrait.strength(text) is 'The rank of a kind of identifier, 1 is the strongest (schemas/identifiers.py).';

-- Identifiers.

alter table portrait.identifiers
    add column node uuid,
    add column since bigint not null default 0,
    add column standing smallint not null default 0,
    add column why text;
update portrait.identifiers set node = portrait.node_of(identifier);
alter table portrait.identifiers
    drop constraint identifiers_pkey,
    alter column customer_id drop not null,
    add primary key (node);
comment on table portrait.identifiers is
    'KIND:VALUE of every identifier, and the living customer it belongs to; null while no event is its own. One that changed hands '
    'has a row for each part of its life.';
comment on column portrait.identifiers.since is 'Unix ms from which on a recycled one means this customer; 0: from the first.';
comment on column portrait.identifiers.standing is '0 plain, 1 contested, 2 recycled, 3 quarantined, 4 parked (schemas/identifiers.py).';
comment on column portrait.identifiers.why is 'Why it is quarantined.';

-- Events. The id that a customer was given out with is anchored at the identifier it began with.

alter table portrait.customers add column anchor uuid;
alter table portrait.aliases add column anchor uuid, add column version bigint not null default 0;

alter table portrait.events add column node uuid;
update portrait.events as event
set node = (
    select portrait.node_of((named ->> 0) || ':' || (named ->> 1))
    from json_array_elements(event.body::json -> 'identifiers') as named
    order by portrait.strength(named ->> 0), (named ->> 1) collate "C"
    limit 1
)
where customer_id is not null;
update portrait.customers as customer
set anchor = (select event.node from portrait.events as event where event.customer_id = customer.id limit 1);
update portrait.customers as customer
set anchor = (select known.node from portrait.identifiers as known where known.customer_id = customer.id limit 1)
where anchor is null;
update portrait.aliases as alias
set anchor = coalesce(
    (select event.node from portrait.events as event where event.customer_id = alias.alias_id limit 1),
    (select known.node from portrait.identifiers as known where known.customer_id = alias.customer_id limit 1)
);

create or replace view portrait.history as
select known.customer_id, event.key, event.time, event.received_at, event.type, event.channel, event.source, event.id,
       event.order_id, event.body
from portrait.events as event
left join portrait.identifiers as known on known.node = event.node;
comment on view portrait.history is 'Every event with the customer it belongs to now.';

drop index portrait.events_of_customer;
alter table portrait.events drop column customer_id;
create index events_of_node on portrait.events (node, order_id);
comment on table portrait.events is
    'Every event, once. node is the identifier that it belongs to, see portrait.identifiers; no such row: it is not decided yet. '
    'order_id is set for purchases only. body is the clean event, as JSON.';

-- Links.

alter table portrait.links add column last integer, add column refused text, add column refused_because text;
with named as (
    select event.time, array_agg(
        (each.named ->> 0) || ':' || (each.named ->> 1)
        order by portrait.strength(each.named ->> 0), (each.named ->> 1) collate "C"
    ) as names
    from portrait.events as event
    cross join lateral json_array_elements(event.body::json -> 'identifiers') as each (named)
    group by event.key
), stated as (
    select names[1] as a, other as b, max(floor(extract(epoch from time) / 2592000))::integer as last
    from named cross join lateral unnest(names[2:]) as other
    group by names[1], other
)
update portrait.links as link set last = stated.last from stated where stated.a = link.a and stated.b = link.b;
update portrait.links set last = floor(extract(epoch from time) / 2592000)::integer where last is null;
alter table portrait.links
    alter column last set not null,
    drop constraint links_pkey,
    add primary key (a, b, rule);
create index links_from_b on portrait.links (b);
comment on table portrait.links is
    'Facts: the earliest event that named identifiers a and b together, by rule. Whether that makes them one customer is decided '
    'by all links, the rules and judgements: refused says that it does not, and why.';
comment on column portrait.links.last is 'The period of 30 days since 1970 in which an event last named both.';
comment on column portrait.links.refused is
    'Why it does not hold: limit, told_apart, device, judgement. That one of both is quarantined is kept with the identifier.';

-- What waits to be decided from all facts.

create table portrait.unsettled (
    id         bigint generated always as identity primary key,
    identifier text not null,
    judged     boolean not null default false,
    large      boolean not null default false
);
comment on table portrait.unsettled is
    'Identifiers of which something came to be known that is not plain. The worker decides from all facts who they are, and '
    'forgets the mark. judged: a judgement came or went. large: it needs so many events that it is done beside the stream.';

insert into portrait.unsettled (identifier)
select min(identifier) from portrait.identifiers group by customer_id
having count(*) > count(distinct split_part(identifier, ':', 1))
    or bool_or(identifier like 'device\_id:%' or identifier like 'anonymous\_id:%') and count(*) > 1
    or bool_or(identifier ~ '^anonymous_id:(anonymous|guest|null|[0-]*)$');
analyze portrait.identifiers;
analyze portrait.events;

-- What people decide.

create table portrait.judgements (
    id        bigint generated always as identity primary key,
    kind      text not null check (kind in ('join', 'apart', 'block', 'trust')),
    left_side  text[] not null,
    right_side text[] not null,
    at        timestamptz not null default now(),
    by        text not null,
    why       text not null,
    undone_at timestamptz,
    undone_by text
);
comment on table portrait.judgements is 'Who decided when and why that identifiers are one customer, or are not, or stand for nobody.';

create table portrait.reviews (
    id         bigint generated always as identity primary key,
    kind       text not null check (kind in ('refused', 'quarantined', 'too_large', 'suggested')),
    a          text collate "C" not null,
    b          text collate "C" not null,
    message    text not null,
    score      real,
    opened_at  timestamptz not null,
    closed_at  timestamptz,
    outcome    text check (outcome in ('accepted', 'refused', 'settled')),
    judgement  bigint,
    unique (kind, a, b)
);
create index reviews_open on portrait.reviews (opened_at) where closed_at is null;
comment on table portrait.reviews is 'What people should decide about identity, and what became of it. b is empty where it is about a alone.';

create table portrait.identity_changes (
    id          bigint generated always as identity primary key,
    action      text not null check (action in ('merged', 'split', 'moved')),
    customer_id uuid not null,
    other_id    uuid not null,
    at          timestamptz not null,
    reason      text not null
);
create index identity_changes_of_customer on portrait.identity_changes (customer_id);
comment on table portrait.identity_changes is 'Every id that began to lead to another customer than before, and why.';

alter table portrait.outbox add column identity_change_id bigint;
alter table portrait.unpublished add column identity_change_id bigint;

-- What downstream tools see.

create or replace view crm.customer_identifiers with (security_barrier) as
select
    known.customer_id,
    split_part(known.identifier, ':', 1) as kind,
    substr(known.identifier, strpos(known.identifier, ':') + 1) as value,
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 0)::bigint / 1000.0) as first_seen_at,
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 1)::bigint / 1000.0) as last_seen_at,
    case when known.since > 0 then to_timestamp(known.since / 1000.0) end as changed_hands_at,
    known.standing = 3 as quarantined
from portrait.identifiers as known
join portrait.customers as customer on customer.id = known.customer_id
where (select crm.sees_personal_data())
union all
select
    known.customer_id,
    split_part(known.identifier, ':', 1),
    portrait.masked_identifier(known.identifier),
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 0)::bigint / 1000.0),
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 1)::bigint / 1000.0),
    case when known.since > 0 then to_timestamp(known.since / 1000.0) end,
    known.standing = 3
from portrait.identifiers as known
join portrait.customers as customer on customer.id = known.customer_id
where not (select crm.sees_personal_data());

comment on column crm.customer_identifiers.changed_hands_at is
    'From when on a value that changed hands means this customer; null for a value that did not, or before it did.';
comment on column crm.customer_identifiers.quarantined is
    'Whether the value was seen with so many others that it stands for nobody: then its customer is whoever used it alone.';

create or replace view crm.customer_links as
select
    case when (select crm.sees_personal_data()) then link.a
         else split_part(link.a, ':', 1) || ':' || portrait.masked_identifier(link.a) end as a,
    case when (select crm.sees_personal_data()) then link.b
         else split_part(link.b, ':', 1) || ':' || portrait.masked_identifier(link.b) end as b,
    known.customer_id,
    link.time as since,
    link.rule,
    link.key as event_key,
    coalesce(link.refused, case when 3 in (known.standing, other.standing) then 'quarantined' end) as refused,
    coalesce(link.refused_because, case
        when known.standing = 3 then split_part(known.identifier, ':', 1) || ': ' || known.why
        when other.standing = 3 then split_part(other.identifier, ':', 1) || ': ' || other.why
    end)
        as refused_because,
    case when link.refused is null and known.standing <> 3 and other.standing <> 3 then known.customer_id
         else other.customer_id end as other_customer_id
from portrait.links as link
left join portrait.identifiers as known on known.identifier = link.a and known.since = 0
left join portrait.identifiers as other on other.node = portrait.node_of(link.b);

comment on view crm.customer_links is
    'Why identifiers belong to one customer: the earliest event that named two of them together; and links that were refused.';
comment on column crm.customer_links.customer_id is 'The living customer that a belongs to, and b, unless the link is refused.';
comment on column crm.customer_links.rule is 'The rule that makes it a link: same_event, or verified (the sender had verified b).';
comment on column crm.customer_links.refused is
    'Null: the link holds. Else why not: limit, told_apart, device, judgement, quarantined (docs/identity.md).';
comment on column crm.customer_links.refused_because is 'The same in words.';
comment on column crm.customer_links.other_customer_id is 'The living customer that b belongs to.';

create view crm.identity_changes as
select id as change_id, action, customer_id, other_id as other_customer_id, at, reason from portrait.identity_changes;

comment on view crm.identity_changes is
    'Every customer id that began to lead to another customer, as also published on topic identity-changes.';
comment on column crm.identity_changes.change_id is 'Unique; of two changes the greater is the later, in one customer.';
comment on column crm.identity_changes.action is
    'merged: customer_id became part of other_customer_id. split: customer_id lives (again), it was part of other_customer_id. '
    'moved: customer_id, an id of the past, leads to other_customer_id now.';
comment on column crm.identity_changes.customer_id is 'The id that leads elsewhere.';
comment on column crm.identity_changes.other_customer_id is 'See action; as at that time, crm.resolve says who that is now.';
comment on column crm.identity_changes.at is 'When it was decided.';
comment on column crm.identity_changes.reason is 'Why: kinds of identifiers and the rule, no values.';

create view crm.identity_reviews as
select
    review.id as review_id,
    review.kind,
    case when (select crm.sees_personal_data()) then review.a
         else split_part(review.a, ':', 1) || ':' || portrait.masked_identifier(review.a) end as a,
    case when review.b = '' then null
         when (select crm.sees_personal_data()) then review.b
         else split_part(review.b, ':', 1) || ':' || portrait.masked_identifier(review.b) end as b,
    known.customer_id,
    other.customer_id as other_customer_id,
    case when review.kind <> 'suggested' or (select crm.sees_personal_data()) then review.message end as message,
    review.score,
    review.opened_at,
    review.closed_at,
    review.outcome
from portrait.reviews as review
left join portrait.identifiers as known on known.node = portrait.node_of(review.a)
left join portrait.identifiers as other on review.b <> '' and other.node = portrait.node_of(review.b);

comment on view crm.identity_reviews is 'What people should decide about identity, and what became of it (portrait identity review).';
comment on column crm.identity_reviews.review_id is 'The number that portrait identity review takes.';
comment on column crm.identity_reviews.kind is
    'refused: the link of a and b. quarantined: a, seen with too many others. too_large: what hangs together with a. '
    'suggested: the customers of a and b look like one person.';
comment on column crm.identity_reviews.a is 'Personal. The one side, KIND:VALUE; masked: KIND and the masked value.';
comment on column crm.identity_reviews.b is 'Personal. The other side, likewise; null where it is about a alone.';
comment on column crm.identity_reviews.customer_id is 'The living customer of a.';
comment on column crm.identity_reviews.other_customer_id is 'The living customer of b.';
comment on column crm.identity_reviews.message is 'Personal. Why somebody should look; masked: null, for a suggestion.';
comment on column crm.identity_reviews.score is 'Of a suggestion, the probability that it is one person; else null.';
comment on column crm.identity_reviews.opened_at is 'Since when.';
comment on column crm.identity_reviews.closed_at is 'When it was decided, or came to be of no account; null: it is open.';
comment on column crm.identity_reviews.outcome is 'accepted or refused by a person; settled: what came later settled it.';

create view crm.identity_judgements as
select id as judgement_id, kind, at, by, case when (select crm.sees_personal_data()) then why end as why, undone_at, undone_by,
       case when (select crm.sees_personal_data()) then left_side end as left_side,
       case when (select crm.sees_personal_data()) then right_side end as right_side
from portrait.judgements;

comment on view crm.identity_judgements is 'Who decided what about identity, when and why; and what was undone.';
comment on column crm.identity_judgements.judgement_id is 'The number that portrait identity undo takes.';
comment on column crm.identity_judgements.kind is
    'join: all of both sides are one. apart: nobody of the left side is one with anybody of the right side. block: those of the '
    'left side stand for nobody. trust: they stand for one person, however many others they are seen with.';
comment on column crm.identity_judgements.at is 'When it was decided.';
comment on column crm.identity_judgements.by is 'Who decided.';
comment on column crm.identity_judgements.why is 'Personal. Why, in somebody''s own words; masked: null.';
comment on column crm.identity_judgements.undone_at is 'When it was taken back; null: it is in force.';
comment on column crm.identity_judgements.undone_by is 'Who took it back.';
comment on column crm.identity_judgements.left_side is 'Personal. Identifiers, KIND:VALUE; masked: null.';
comment on column crm.identity_judgements.right_side is 'Personal. Identifiers, KIND:VALUE; masked: null.';
