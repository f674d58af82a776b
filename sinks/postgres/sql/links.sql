-- Every link.
select a, b, floor(extract(epoch from time) * 1000)::bigint, replace(key::text, '-', ''), rule, last from portrait.links
