"""What Kafka does not take for now is kept on the collector's disk, and goes to Kafka when it is back.

A record passes `keep` (to the disk: `format` in the `files` of a directory), then `reading` (back again, also after a crash) and
`unread` (what is yet to go, by the `progress` of each source), then `drain` (to Kafka). `state` tells how much waits, `search`
whether one event does.
"""
