"""The local stack: the real Apache Kafka and the real PostgreSQL, from wheels and jars, in one directory."""
