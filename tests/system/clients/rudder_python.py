"""A shop that uses the Python client of RudderStack: python rudder_python.py URL KEY WHO plain|gzip|many.

Sends every kind of call, with ids that begin with WHO; `many` sends 30 calls, ten a second. Prints the version of the client.
Ends with 1 when the client gave anything up.
"""

import sys
import time
from datetime import UTC, datetime
from typing import Any

from rudderstack.analytics.client import Client
from rudderstack.analytics.version import VERSION

url, key, who, how = sys.argv[1:]
given_up: list[str] = []
client = Client(
    key,
    host=url,
    gzip=how != "plain",
    upload_size=2,
    upload_interval=0.1,
    max_retries=20,
    on_error=lambda error, _: given_up.append(str(error)),
)
visitor, user = f"{who}-visitor", f"{who}-user"


def said(name: str) -> dict[str, Any]:
    return {"message_id": f"{who}-{name}", "timestamp": datetime(2026, 11, 20, 8, 0, tzinfo=UTC)}


shoes = {"sku": "G-1", "name": "Giày", "category": "Giày", "price": 440_000, "quantity": 2}
if how == "many":
    for number in range(30):
        client.track(user, "Opened", message_id=f"{who}-{number}")
        time.sleep(0.1)
else:
    address = {"url": "https://shop.example/giay"}
    client.page(anonymous_id=visitor, name="Giày", properties=address, **said("page"))
    client.screen(anonymous_id=visitor, name="Home", context={"device": {"id": f"{who}-device"}}, **said("screen"))
    client.track(anonymous_id=visitor, event="Product Viewed", properties=shoes, **said("viewed"))
    traits = {"firstName": "Lan", "lastName": "Nguyễn", "email": f"{who}@example.com", "plan": "pro"}
    client.identify(user, traits, anonymous_id=visitor, **said("identify"))
    client.alias(f"{who}-earlier", user, **said("alias"))
    client.group(user, 42, traits={"name": "Hoa Sen", "employees": 329}, **said("group"))
    order = {"order_id": f"{who}-1", "total": 880_000, "currency": "VND", "products": [shoes]}
    client.track(user, "Order Completed", order, **said("order"))
    client.track(user, "Order Refunded", order | {"total": 440_000}, **said("refund"))
client.shutdown()
print(VERSION)
sys.exit("\n".join(given_up) or 0)
