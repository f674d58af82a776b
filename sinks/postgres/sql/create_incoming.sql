-- Where a batch's customers arrive by COPY, before they replace the stored ones. Lives as long as the connection.
create temporary table if not exists incoming (like portrait.customers) on commit delete rows
