"""What events of sites and apps say: forms, views of pages, who somebody is, and whatever else they track."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from processors.purchase import bought
from processors.text import clean_text, fold_accents
from processors.told import Scene, Told
from schemas.events import FormSubmitted, Identified, Page, PageViewed, Tracked
from schemas.rejected import Rejected


def _form_submitted(data: FormSubmitted, scene: Scene) -> Told | Rejected:
    told = Told(counts={f"form:{data.form.kind}": 1}, acquisition=_came_by(data.page))
    if data.order is not None:
        return bought(told, data.order, "$.data.order", "web", scene)
    return told


def _page_viewed(data: PageViewed, _: Scene) -> Told:
    return Told(counts={f"{data.kind}_view": 1}, acquisition=_came_by(data.page))


def _identified(data: Identified, scene: Scene) -> Told:
    told = Told(counts={data.call: 1}, acquisition="web")
    known = scene.customer.traits
    if data.age is not None and "age_band" not in known and "birthday" not in known:
        told.traits["age_band"] = scene.reference.age_band(data.age)
    return told


def _tracked(data: Tracked, scene: Scene) -> Told | Rejected:
    """Each category is counted once an event, however many products of it there are; what is in none tells of no interest."""
    told = Told(counts={f"track:{word_of(data.event)}": 1}, acquisition=_came_by(data.page))
    category = scene.reference.category
    for interest in {category(product.sku or "", product.category) for product in data.products} - {"other"}:
        told.counts[f"interest:{interest}"] = 1
    if data.order is not None:
        return bought(told, data.order, "$.data.order", "web", scene)
    return told


_NO_WORD = re.compile(r"[\W_]+")


def word_of(event: str) -> str:
    """The name of an event as one word to count it by: "Đã xem sản phẩm" is da_xem_san_pham."""
    return _NO_WORD.sub("_", fold_accents(clean_text(event))).strip("_")[:80] or "_"


def _came_by(page: Page | None) -> str:
    source = page.utm.source if page and page.utm else None
    if source and (source := clean_text(source).lower()):
        return f"web:{source}"
    return "web"


TELL_OF_WEB: dict[type[Any], Callable[[Any, Scene], Told | Rejected]] = {
    FormSubmitted: _form_submitted,
    PageViewed: _page_viewed,
    Identified: _identified,
    Tracked: _tracked,
}
