-- What the events say, before it replaces what is stored: who is who, the links, where events belong, where ids lead.
create temporary table fresh_identifiers (
    node uuid, identifier text collate "C", since bigint, customer_id uuid, standing bigint, why text
) on commit drop;
create temporary table fresh_links (
    a text collate "C", b text collate "C", time bigint, key uuid, rule text, last bigint, refused text, refused_because text
) on commit drop;
create temporary table fresh_nodes (key uuid, node uuid) on commit drop;
create temporary table fresh_names (id uuid, anchor uuid, customer_id uuid) on commit drop
