-- A reason quotes what satisfied the condition: of a birthday that is near, the birthday.

create function portrait.masked_reason(reason text) returns text
language sql immutable strict parallel safe
return regexp_replace(reason, '\m(birthday|age) is [^,)]+', '\1 is ***', 'g');
comment on function portrait.masked_reason(text) is 'birthday_in("7d") (birthday is 1991-10-12) becomes birthday_in("7d") (birthday is ***).';

create or replace view crm.customer_segments as
select
    customer_id, segment, family, since,
    case when (select crm.sees_personal_data()) then reason else portrait.masked_reason(reason) end as reason,
    rule_version
from portrait.memberships;

create or replace view crm.segment_changes as
select
    id as change_id, customer_id, segment, family, action, at,
    case when (select crm.sees_personal_data()) then reason else portrait.masked_reason(reason) end as reason,
    rule_version, backfill
from portrait.segment_changes;

create or replace view crm.segment_history as
select
    customer_id, segment, family, since, until,
    case when (select crm.sees_personal_data()) then reason else portrait.masked_reason(reason) end as reason,
    rule_version, backfill
from (
    select
        customer_id, segment, family, action, at as since,
        lead(at) over (partition by customer_id, segment order by id) as until,
        reason, rule_version, backfill
    from portrait.segment_changes
) as change
where action = 'entered';

comment on column crm.customer_segments.reason is
    'Personal. The conditions that held when the customer entered, with the values that satisfied them; masked: no birthday, no age.';
comment on column crm.segment_changes.reason is
    'Personal. Why, with the values that decided; masked: no birthday, no age.';
comment on column crm.segment_history.reason is
    'Personal. The conditions that held when the customer entered, with the values that satisfied them; masked: no birthday, no age.';
