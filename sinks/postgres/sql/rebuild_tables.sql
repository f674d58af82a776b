-- What the events say, before it replaces what is stored: who is who, and the links.
create temporary table fresh_identifiers (identifier text collate "C", customer_id uuid) on commit drop;
create temporary table fresh_links (a text collate "C", b text collate "C", time bigint, key uuid, rule text) on commit drop
