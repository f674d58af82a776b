"""Forms on pages, at the collector: a browser sends here what a visitor typed, without any script.

    body ── fields ── map ── admit ── publish, or spool ── 303 to the page that says thank you

The address has the name of the source, or its key: whoever looks at the page knows both. So what is sent is believed no more
than a public key's, an address may send a few a minute only, and nothing in it says where the visitor is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response

from producers.admit import Admission
from producers.files.mapping import MappingError
from producers.forms.address import client_address
from producers.forms.mapping import FormMapping
from producers.forms.mapping_files import page_form
from producers.forms.page_submission import page_event
from producers.forms.post import read_post
from producers.intake.collector import Collector
from producers.keys import Source
from producers.keys.page_form import PageForm
from producers.openapi.forms import form_operation
from producers.request.body import is_gzip, read_body
from producers.request.problems import Problem, unavailable
from producers.webhooks.admit_items import admit_items
from producers.webhooks.cut import contained
from producers.webhooks.notice import Event
from schemas.rejected import Rejected

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 256 * 1024

USUAL = page_form()


def add_forms(app: FastAPI) -> None:
    """Adds the address to the application."""

    @app.post(
        "/v1/forms/{name}",
        summary="A form on a page",
        tags=["forms"],
        status_code=303,
        response_class=Response,
        openapi_extra=form_operation(),
    )
    async def submit(request: Request) -> Response:
        collector: Collector = app.state.collector
        return await collector.receive(request, _take_or_show)


async def _take_or_show(collector: Collector, request: Request) -> Response:
    """A visitor of a page is shown what is wrong as a page."""
    try:
        return await _take(collector, request)
    except Problem as problem:
        if "text/html" in request.headers.get("accept", ""):
            return _shown(problem)
        raise


async def _take(collector: Collector, request: Request) -> Response:
    name = request.path_params["name"]
    source = collector.keys.named(name) or collector.keys.find(name)
    form = None if source is None else source.form
    if source is None or form is None:
        raise Problem(404, "not_found", "there is no such form")
    request.state.source = source.name
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getlist("x-forwarded-for")
    address = client_address(peer, forwarded, collector.settings.trusted_proxies)
    try:
        collector.addresses.take(source.name, address, form.a_minute)
    except Problem:
        if forwarded and address == client_address(peer, (), ()):
            _warn_of_a_proxy()
        raise
    collector.rates.check(source)
    mapping = _mapping(collector, form)
    gzipped = is_gzip(request.headers.get("content-encoding", "identity"))
    with collector.memory.lease(source.name) as lease:
        body = await read_body(
            request.stream(),
            gzipped=gzipped,
            lease=lease,
            seconds=collector.settings.body_seconds,
            limit=source.most_bytes(MAX_FORM_BYTES),
        )
        content_type = request.headers.get("content-type", "")
        fields = await collector.work(len(body), lambda: read_post(body, content_type), source.name)
        if not isinstance(fields, Rejected) and _is_filled(fields, form.honeypot):
            # As if it had gone well: a machine that is told otherwise tries again.
            collector.metrics.left_out(source.name, {"honeypot": 1})
            return _see(form.thanks)
        received = datetime.now(UTC)
        admission = await collector.work(
            len(body), lambda: _admission(body, fields, mapping, source, form, received), source.name
        )
        await collector.send(source, admission, len(body))
    return _see((form.sorry if admission.refusals else None) or form.thanks)


@cache
def _warn_of_a_proxy() -> None:
    """Once: anybody can send that header. Without the address, which is kept nowhere."""
    log.warning(
        "an address has sent its share of a form, in the name of others (X-Forwarded-For): if it is a proxy of yours, "
        "all its visitors share `a_minute` until PORTRAIT_COLLECTOR_TRUSTED_PROXIES names it"
    )


def _admission(
    body: bytes,
    fields: dict[str, Any] | Rejected,
    mapping: FormMapping,
    source: Source,
    form: PageForm,
    received: datetime,
) -> Admission:
    def make() -> Event | Rejected:
        if isinstance(fields, Rejected):
            return fields
        return page_event(fields, mapping, source=source.name, honeypot=form.honeypot, received=received)

    now_ms = int(received.timestamp() * 1000)
    return admit_items([contained(body, make)], source=source, request=uuid4().hex, now_ms=now_ms)[0]


def _mapping(collector: Collector, form: PageForm) -> FormMapping:
    """As far as it is believed. Raises Problem 503 when it cannot be read."""
    try:
        mapping = USUAL if form.mapping is None else collector.mappings.read(form.mapping)
    except MappingError:
        raise unavailable("the mapping of this form cannot be read here; the log of the collector says why") from None
    return mapping.for_anybody(consent=form.believe_consent)


def _is_filled(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name)
    return any(map(str.strip, value)) if isinstance(value, list) else bool(isinstance(value, str) and value.strip())


def _see(page: str) -> Response:
    """303: the browser asks for `page`, and to load that again sends nothing twice."""
    return Response(status_code=303, headers={"Location": page, "Cache-Control": "no-store"})


_ADVICE = {
    429: "Bạn đã gửi quá nhiều lần. Xin chờ một phút rồi gửi lại.",
    503: "Hiện chưa nhận được. Xin quay lại trang trước và gửi lại sau ít phút.",
}


def _shown(problem: Problem) -> Response:
    """The same for a person: what they typed is still there when they go back."""
    advice = _ADVICE.get(problem.status, "Biểu mẫu này không gửi được.")
    page = (
        f'<!doctype html><html lang="vi"><meta charset="utf-8"><title>{problem.status}</title>'
        f'<meta name="viewport" content="width=device-width"><body style="font:1.1em/1.5 sans-serif;margin:3em">'
        f"<p>{escape(advice)}</p><p>{escape(problem.message)}</p></body></html>"
    )
    headers = problem.headers | {"X-Content-Type-Options": "nosniff"}
    return Response(page, problem.status, headers, "text/html; charset=utf-8")
