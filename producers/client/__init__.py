"""What a channel system in Python imports to send events to a collector: `from producers.client import Client`.

An event is completed and encoded (`outgoing`) and goes in a batch (`sending`); what the collector says to it is read (`answers`).
"""

from producers.client.sending import Client, NotDelivered, QueueFull, RejectedEvent

__all__ = ["Client", "NotDelivered", "QueueFull", "RejectedEvent"]
