-- Tell what changes a customer's segments alone from all else: a batch that was decided meanwhile can still be written.

alter table portrait.customers add column evaluations bigint not null default 0;
comment on column portrait.customers.evaluations is
    'How many of its versions changed nothing but segments: by time alone, or by other rules.';
