-- An id that lives again goes on counting its versions where it had stopped.
update portrait.customers as customer
set version = customer.version + revived.version
from revived
where revived.id = customer.id
