-- 20,000 customers as the store would write them, each with an e-mail address, a phone and three events, one of them by
-- e-mail. Into each of the first 2,000 somebody else was merged.
create function pg_temp.customer(n integer, series text) returns uuid language sql
return (series || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;

insert into portrait.customers (
    id, version, updated_at, lifecycle, segments, full_name, email, phone, birthday, age_band, province, first_seen_at,
    last_seen_at, events, orders, revenue, currency, revenue_by_currency, first_order_at, last_order_at, points, state
)
select
    pg_temp.customer(n, '0190'), 1, now(), 'current', '{current}', 'Trần Thị An', 'tran.an' || n || '@example.vn',
    '+8490' || lpad(n::text, 7, '0'), '1991-08-17', '25-34', 'Hà Nội', now() - interval '9 days', now(), 3, 2, n * 1000, 'VND',
    jsonb_build_object('VND', n * 1000), now() - interval '9 days', now(), 0,
    json_build_object(
        'events', 3, 'first_seen', 1759000000000, 'last_seen', 1760000000000,
        'identifiers', json_build_object(
            'email:tran.an' || n || '@example.vn', array[1759000000000, 1760000000000],
            'phone:+8490' || lpad(n::text, 7, '0'), array[1759000000000, 1760000000000]
        ),
        'months', (select json_object_agg('2025-' || month, n) from generate_series(1, 12) as month)
    )
from generate_series(1, 20000) as n;

insert into portrait.identifiers (node, identifier, customer_id)
select portrait.node_of(name), name, id
from portrait.customers cross join lateral (values ('email:' || email), ('phone:' || phone)) as named (name);

insert into portrait.memberships (customer_id, segment, family, since, reason, rule_version)
select id, lifecycle, 'lifecycle', now(), 'orders >= 2 (it is 2)', 1 from portrait.customers;

insert into portrait.segment_changes (customer_id, segment, family, action, at, reason, rule_version)
select id, lifecycle, 'lifecycle', 'entered', now(), 'orders >= 2 (it is 2)', 1 from portrait.customers;

insert into portrait.aliases (alias_id, customer_id, merged_at)
select pg_temp.customer(n, '0191'), pg_temp.customer(n, '0190'), now() from generate_series(1, 2000) as n;

insert into portrait.events (key, node, time, received_at, type, channel, source, id, order_id, origin, body)
select
    md5(n || '-' || k)::uuid,
    portrait.node_of(case k when 3 then 'email:tran.an' || n || '@example.vn' else 'phone:+8490' || lpad(n::text, 7, '0') end),
    now() - k * interval '1 day', now(), 'loyalty.card_scanned.v1', 'loyalty', '/shops/hcm-01', n || '-' || k,
    case when k < 3 then 'B' || k end, 'events.valid/0/' || (n * 3 + k),
    json_build_object(
        'purchase', case when k < 3 then json_build_object('amount', 120000, 'currency', 'VND', 'base', 120000, 'order_id', 'B' || k) end,
        'data', json_build_object('customer', json_build_object('phone', '+8490' || lpad(n::text, 7, '0')), 'store_id', 'hcm-01')
    )
from generate_series(1, 20000) as n, generate_series(1, 3) as k;
