"""The addresses of the collector, one module a door: each takes a request, has it translated, and hands its records on.

`events` takes our own form; `segment` the calls of Segment's clients, also those of `rudder` and of the page `beacon`
(`portrait.js`); `webhooks` what platforms send and sign; `forms` what visitors type into a page. Nothing comes in through
`spool`: it is asked whether an event waits there.
"""
