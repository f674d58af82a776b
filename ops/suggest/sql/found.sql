-- The pairs of the table {predicted}: the two ids and names and birthdays, the outcome of each comparison (its level
-- counted from the last one, which is 0; -1 where nothing is known) and how likely it is that they are one person.
select
    l.id, r.id, p.match_probability, l.shown, r.shown, l.name, r.name, l.birthday, r.birthday,
    p.gamma_name, p.gamma_birthday, p.gamma_address
from {predicted} as p
join compared as l on l.n = p.n_l
join compared as r on r.n = p.n_r
