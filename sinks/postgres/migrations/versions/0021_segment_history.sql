-- Memberships, those that are over as well: an entry into a segment, and the exit that follows on it.

create view crm.segment_history as
select customer_id, segment, family, since, until, reason, rule_version, backfill
from (
    select
        customer_id, segment, family, action, at as since,
        lead(at) over (partition by customer_id, segment order by id) as until,
        reason, rule_version, backfill
    from portrait.segment_changes
) as change
where action = 'entered';

comment on view crm.segment_history is 'Who was or is in which segment, from when until when, and why.';
comment on column crm.segment_history.customer_id is 'The customer at that time; crm.resolve says who that is now.';
comment on column crm.segment_history.segment is 'The name of the segment.';
comment on column crm.segment_history.family is 'The set of rules that decided, such as lifecycle.';
comment on column crm.segment_history.since is 'When the customer entered.';
comment on column crm.segment_history.until is 'When the customer left; null while it lasts.';
comment on column crm.segment_history.reason is 'The conditions that held when the customer entered, with the values that satisfied them.';
comment on column crm.segment_history.rule_version is 'The version of the rules that decided.';
comment on column crm.segment_history.backfill is
    'The customer did nothing on entering: the rules changed, or history was loaded.';
