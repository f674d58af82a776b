-- Remember that an e-mail was sent. Parameters: target, change.
insert into portrait.told (target_id, change_id) values (%(target)s, %(change)s) on conflict do nothing
