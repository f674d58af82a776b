-- Every identifier with its living customer.
select identifier, customer_id::text from portrait.identifiers
