"""How fast this machine takes events from channels to customers, measured on the real thing. `python -m ops.bench`."""
