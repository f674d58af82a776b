alter table portrait.sweeps add column used_at timestamptz not null default now();
comment on column portrait.sweeps.used_at is
    'When a worker went by these rules, the last time that one said so: every second or two. What a worker of before decided while '
    'everybody was being evaluated by newer rules is seen to once it is gone: then everybody is evaluated again.';
