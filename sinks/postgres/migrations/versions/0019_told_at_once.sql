-- An entry tells the changes of its customer from `first_change_id` to `change_id`. Others cannot come between them: whoever moves a
-- customer holds its row.
alter table portrait.outbox add column first_change_id bigint;
comment on column portrait.outbox.first_change_id is
    'Where the changes of the customer begin that are to be told, up to change_id; null where that is the only one.';
comment on table portrait.outbox is
    'What the relay has yet to publish: changes of segments, a change of identity, or (neither) the profile of a customer as it is then.';
alter table portrait.unpublished add column first_change_id bigint;
comment on table portrait.unpublished is
    'Entries of the outbox that could not be made into a record, or that Kafka refused. Once the cause is mended: '
    'insert into portrait.outbox (customer_id, first_change_id, change_id, identity_change_id) '
    'select customer_id, first_change_id, change_id, identity_change_id from portrait.unpublished.';

-- Changes are asked for by customer, or all since one that is known: as they come in by id, a summary of each range of pages is
-- enough for that.
alter table portrait.segment_changes drop constraint segment_changes_pkey;
drop index portrait.segment_changes_of_customer;
alter table portrait.segment_changes add primary key (customer_id, id);
create index segment_changes_by_id on portrait.segment_changes using brin (id) with (pages_per_range = 32, autosummarize = on);
