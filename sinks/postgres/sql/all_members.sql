-- Every node.
select identifier, since, customer_id::text, standing, why from portrait.identifiers
