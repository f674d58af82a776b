"""Where channels come in: everything becomes events in our own form, which are admitted or refused, and are safe in Kafka.

Over HTTP: the program `collector` opens the `doors`; a `request` is read for them, and translated by `segment_api`, `webhooks` or
`forms` where it is not in our form; `admit` decides about each event, and `intake` brings the `record` to Kafka by the `broker`,
or to the `spool` while Kafka is away. What the doors take is told by `openapi`, and who may send by the file of `keys`.
From files: `files` are imported, also those that somebody puts into a `drop_folder`. From Python: by the `client`.

The nouns of several: a `record` for Kafka, texts as they are compared (`composed`), `versions` of files that people change,
and what these say in YAML (`yaml_text`).
"""
