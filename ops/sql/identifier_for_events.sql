-- The strongest identifier by which an event of now is this customer's: it stands for somebody, and has not passed on to another one.
-- Parameter: customer.
select known.identifier
from portrait.identifiers as known
where known.customer_id = %(customer)s::uuid and known.standing < 3
    and not exists (
        select from portrait.identifiers as later
        where substr(later.identifier, strpos(later.identifier, ':') + 1) = substr(known.identifier, strpos(known.identifier, ':') + 1)
            and later.identifier = known.identifier and later.since > known.since
    )
order by portrait.strength(split_part(known.identifier, ':', 1)), known.identifier collate "C"
limit 1
