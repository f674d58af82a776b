-- Rows of text as COPY reads them.
copy incoming_predictions (customer_id, p_alive, purchases_90d, value_90d) from stdin
