"""Kafka as the producers see it: the only place among them that knows kafka-python.

A `connection` is opened to be ready for use, the `publisher` sends records over it and waits until all are acknowledged; `named`
says of which event a record is that lies there already.
"""
