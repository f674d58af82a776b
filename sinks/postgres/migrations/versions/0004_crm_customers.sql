-- What is known of customers.

create index identifiers_by_value on portrait.identifiers (substr(identifier, strpos(identifier, ':') + 1));

create view crm.customers as
select
    id as customer_id,
    lifecycle,
    case when (select crm.sees_personal_data()) then full_name else portrait.masked_name(full_name) end as full_name,
    case when (select crm.sees_personal_data()) then email else portrait.masked_email(email) end as email,
    case when (select crm.sees_personal_data()) then phone else portrait.masked_phone(phone) end as phone,
    case when (select crm.sees_personal_data()) then birthday end as birthday,
    age_band, gender, province, area, income_band, language, acquisition_channel, preferred_channel, preferred_store,
    first_seen_at, last_seen_at, events, orders, revenue, currency, revenue_by_currency,
    round(revenue / nullif(orders, 0), scale(revenue)) as average_order,
    first_order_at, last_order_at, points, segments, updated_at, version
from portrait.customers;

comment on view crm.customers is 'One row a living customer. A customer merged into another one has no row; see crm.resolve.';
comment on column crm.customers.customer_id is 'The customer: a UUID, version 7, so the smaller of two is the older customer.';
comment on column crm.customers.lifecycle is 'The lifecycle segment: the one segment of family lifecycle that the customer is in.';
comment on column crm.customers.full_name is 'Personal. The latest name stated on any channel; masked: initials.';
comment on column crm.customers.email is 'Personal. The latest e-mail address, normalised; masked: t***@gmail.com.';
comment on column crm.customers.phone is 'Personal. The latest phone number, E.164; masked: +8490*****67.';
comment on column crm.customers.birthday is 'Personal. The latest birthday stated; masked: null, age_band stays.';
comment on column crm.customers.age_band is 'The age group, as stated or from the birthday at the time of the event.';
comment on column crm.customers.gender is 'female, male or other, as stated last.';
comment on column crm.customers.province is 'The province in force, from address, landline or postcode; outside Vietnam as stated.';
comment on column crm.customers.area is 'The region that the province is in; null outside Vietnam.';
comment on column crm.customers.income_band is 'The income group stated last.';
comment on column crm.customers.language is 'The language stated last.';
comment on column crm.customers.acquisition_channel is 'Where the customer came from first, such as web:google or store:hcm-01.';
comment on column crm.customers.preferred_channel is 'The channel of most of the events: web, loyalty, social.';
comment on column crm.customers.preferred_store is 'The store with most of the purchases.';
comment on column crm.customers.first_seen_at is 'When the first event of this customer happened.';
comment on column crm.customers.last_seen_at is 'When the last event of this customer happened.';
comment on column crm.customers.events is 'How many events are known, each counted once.';
comment on column crm.customers.orders is 'How many orders: distinct order ids; a purchase without one is an order; a return is none.';
comment on column crm.customers.revenue is 'What was paid, returns subtracted, in major units of currency.';
comment on column crm.customers.currency is 'The base currency of this installation (ISO 4217), the same in every row.';
comment on column crm.customers.revenue_by_currency is
    'What was paid as it was paid: {currency: amount in major units}; also amounts that no rate into the base currency is known for.';
comment on column crm.customers.average_order is 'revenue / orders, in major units of currency; null without an order.';
comment on column crm.customers.first_order_at is 'When the first order was placed; null without one.';
comment on column crm.customers.last_order_at is 'When the last order was placed; null without one.';
comment on column crm.customers.points is 'Loyalty points: earned − redeemed.';
comment on column crm.customers.segments is 'The names of all segments that the customer is in; see crm.customer_segments.';
comment on column crm.customers.updated_at is 'When this row was last written.';
comment on column crm.customers.version is 'Grows with every change of this customer; the same number is in topic profiles.';

-- In two branches, of which PostgreSQL runs the one that the user may see: so a look-up by value finds its index.
create view crm.customer_identifiers with (security_barrier) as
select
    known.customer_id,
    split_part(known.identifier, ':', 1) as kind,
    substr(known.identifier, strpos(known.identifier, ':') + 1) as value,
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 0)::bigint / 1000.0) as first_seen_at,
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 1)::bigint / 1000.0) as last_seen_at
from portrait.identifiers as known
left join portrait.customers as customer on customer.id = known.customer_id
where (select crm.sees_personal_data())
union all
select
    known.customer_id,
    split_part(known.identifier, ':', 1),
    portrait.masked_identifier(known.identifier),
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 0)::bigint / 1000.0),
    to_timestamp((customer.state::json -> 'identifiers' -> known.identifier ->> 1)::bigint / 1000.0)
from portrait.identifiers as known
left join portrait.customers as customer on customer.id = known.customer_id
where not (select crm.sees_personal_data());

comment on view crm.customer_identifiers is 'Everything that customers are known by. Look up by customer_id, or by kind and value.';
comment on column crm.customer_identifiers.customer_id is 'The living customer.';
comment on column crm.customer_identifiers.kind is 'email, phone, card_no, customer_no, facebook_id, zalo_id, … (schemas/identifiers.py).';
comment on column crm.customer_identifiers.value is 'Personal. The value, normalised; masked: as in crm.customers, or *** and two characters.';
comment on column crm.customer_identifiers.first_seen_at is 'When the first event that named it happened.';
comment on column crm.customer_identifiers.last_seen_at is 'When the last event that named it happened.';

create view crm.customer_aliases as
select alias_id, customer_id, merged_at from portrait.aliases;

comment on view crm.customer_aliases is 'Every customer id that was given out and is no longer in use, and who that is now.';
comment on column crm.customer_aliases.alias_id is 'The id of the customer that became part of another one.';
comment on column crm.customer_aliases.customer_id is 'The living customer; never itself an alias.';
comment on column crm.customer_aliases.merged_at is 'When the two were found to be one.';

create function crm.resolve(id uuid) returns uuid
language sql stable strict parallel safe
begin atomic
    select coalesce(
        (select alias.customer_id from crm.customer_aliases as alias where alias.alias_id = resolve.id),
        (select customer.customer_id from crm.customers as customer where customer.customer_id = resolve.id)
    );
end;
comment on function crm.resolve(uuid) is 'The living customer of any customer id that was ever given out; null when it never was.';

create view crm.customer_segments as
select customer_id, segment, family, since, reason, rule_version from portrait.memberships;

comment on view crm.customer_segments is 'Who is in which segment, since when, and why.';
comment on column crm.customer_segments.customer_id is 'The living customer.';
comment on column crm.customer_segments.segment is 'The name of the segment.';
comment on column crm.customer_segments.family is 'The set of rules that decided, such as lifecycle.';
comment on column crm.customer_segments.since is 'Since when the customer is in the segment without a break.';
comment on column crm.customer_segments.reason is 'The conditions that held when the customer entered, with the values that satisfied them.';
comment on column crm.customer_segments.rule_version is 'The version of the rules that decided.';

create view crm.segment_changes as
select id as change_id, customer_id, segment, family, action, at, reason, rule_version from portrait.segment_changes;

comment on view crm.segment_changes is 'Every entry into and every exit from a segment, as also published on topic segment-changes.';
comment on column crm.segment_changes.change_id is 'Unique; of two changes of one customer the greater is the later.';
comment on column crm.segment_changes.customer_id is 'The customer at that time; crm.resolve says who that is now.';
comment on column crm.segment_changes.segment is 'The name of the segment.';
comment on column crm.segment_changes.family is 'The set of rules that decided, such as lifecycle.';
comment on column crm.segment_changes.action is 'entered or left.';
comment on column crm.segment_changes.at is 'When it was decided.';
comment on column crm.segment_changes.reason is 'Why, with the values that decided.';
comment on column crm.segment_changes.rule_version is 'The version of the rules that decided.';

create view crm.customer_links as
select
    case when (select crm.sees_personal_data()) then link.a
         else split_part(link.a, ':', 1) || ':' || portrait.masked_identifier(link.a) end as a,
    case when (select crm.sees_personal_data()) then link.b
         else split_part(link.b, ':', 1) || ':' || portrait.masked_identifier(link.b) end as b,
    known.customer_id,
    link.time as since,
    link.rule,
    link.key as event_key
from portrait.links as link
left join portrait.identifiers as known on known.identifier = link.a;

comment on view crm.customer_links is 'Why identifiers belong to one customer: the earliest event that named two of them together.';
comment on column crm.customer_links.a is 'Personal. The stronger identifier, KIND:VALUE; masked: KIND and the masked value.';
comment on column crm.customer_links.b is 'Personal. The other identifier, likewise.';
comment on column crm.customer_links.customer_id is 'The living customer that both belong to.';
comment on column crm.customer_links.since is 'When that event happened.';
comment on column crm.customer_links.rule is 'The rule that makes it a link, such as same_event.';
comment on column crm.customer_links.event_key is 'That event: crm.events.key.';
