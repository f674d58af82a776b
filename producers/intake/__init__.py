"""What stands behind every door of the collector: a request comes in, and its records are safe before it is answered.

The `settings` say how; the `collector` counts what comes (`metrics`, and by `punctuality` whether it comes in time), gives every
source its `turns`, has what is large judged in a second process (`offload`, `offloaded`), and leaves the records to `delivery`,
to Kafka or to the spool.
"""
