-- How many connections named %(application)s come from the machine, or container, that asks.
select count(*)
  from pg_catalog.pg_stat_activity
 where application_name = %(application)s
   and client_addr is not distinct from inet_client_addr()
