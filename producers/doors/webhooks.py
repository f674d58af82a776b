"""Webhooks at the collector: platforms send here what happens with them, and sign it.

    body ── signed? ── translate each item ── admit ── publish, or spool ── 200

A platform knows no key, so the address says whose it is: `/v1/hooks/NAME`, of the source NAME in the file of keys. To add a
platform: write its `Platform`, and enter it in `HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from fastapi import FastAPI, Request, Response

from producers.admit import Admission, told
from producers.files.mapping import MappingError
from producers.intake.collector import Collector
from producers.intake.delivery import Patience
from producers.keys import Source
from producers.keys.webhook import UNSIGNED, Webhook
from producers.openapi.webhooks import challenge_operation, notice_operation
from producers.request.body import is_gzip, read_body
from producers.request.problems import Problem, unauthorized, unavailable
from producers.webhooks.admit_items import admit_items
from producers.webhooks.form import FORM, TYPEFORM
from producers.webhooks.meta import META
from producers.webhooks.notice import Notice, Platform
from producers.webhooks.secret import SecretUnreadable
from producers.webhooks.zalo import ZALO

HANDLERS: Mapping[str, Platform] = {"meta": META, "zalo": ZALO, "form": FORM, "typeform": TYPEFORM}
"""Every platform that is understood, by the name it has in the file of keys."""

UNSIGNED_BYTES = 2 * 1024 * 1024
"""Of a body that must be read before anybody knows who sent it. Meta puts at most 1,000 changes into one."""

_BODY_SECONDS = 5.0

PATIENCE = Patience(kafka=1.0, altogether=1.8)
"""Zalo wants its answer within two seconds, and switches off a webhook that is slower for long."""


def add_webhooks(app: FastAPI) -> None:
    """Adds the addresses to the application."""

    @app.post("/v1/hooks/{name}", summary="What a platform tells", tags=["webhooks"], openapi_extra=notice_operation())
    async def tell(request: Request) -> Response:
        collector: Collector = app.state.collector
        return await collector.receive(request, _take)

    @app.get(
        "/v1/hooks/{name}",
        summary="A platform asks whether this is its webhook",
        tags=["webhooks"],
        openapi_extra=challenge_operation(),
    )
    async def ask(request: Request) -> Response:
        try:
            source, _, platform = _webhook(app.state.collector, request)
            if platform.challenge is None:
                raise _unknown()
            answer = platform.challenge(request.query_params, source)
        except Problem as problem:
            return problem.response()
        if answer is None:
            return Problem(403, "wrong_token", "the token is not the access key of this source").response()
        return Response(answer, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def _webhook(collector: Collector, request: Request) -> tuple[Source, Webhook, Platform]:
    """Raises Problem 404 when no source of the name in the address is a webhook."""
    source = collector.keys.named(request.path_params["name"])
    if source is None or source.webhook is None or source.webhook.platform not in HANDLERS:
        raise _unknown()
    return source, source.webhook, HANDLERS[source.webhook.platform]


def _unknown() -> Problem:
    return Problem(404, "not_found", "there is no such webhook")


def _not_theirs(webhook: Webhook) -> Problem:
    if webhook.platform == UNSIGNED:
        return unauthorized("show the key of this source: Authorization: Bearer KEY, or X-Portrait-Key: KEY")
    message = "the signature is missing, or no secret of this webhook made it"
    return Problem(401, "bad_signature", message, {"WWW-Authenticate": 'Signature realm="portrait"'})


async def _take(collector: Collector, request: Request) -> Response:
    source, webhook, platform = _webhook(collector, request)
    request.state.source = source.name  # also of what is not signed: who looks why nothing comes sees it answered 401
    try:
        secrets = () if webhook.secret_file is None else collector.secrets.read(webhook.secret_file)
    except SecretUnreadable:
        raise unavailable("the secret of this webhook cannot be read here; the log of the collector says why") from None
    try:
        mapping = None if webhook.mapping is None else collector.mappings.read(webhook.mapping)
    except MappingError:
        raise unavailable(
            "the mapping of this webhook cannot be read here; the log of the collector says why"
        ) from None
    gzipped = is_gzip(request.headers.get("content-encoding", "identity"))
    seconds = min(collector.settings.body_seconds, _BODY_SECONDS)
    with collector.memory.lease(source.name) as lease:
        most = source.most_bytes(UNSIGNED_BYTES)
        body = await read_body(request.stream(), gzipped=gzipped, lease=lease, seconds=seconds, limit=most)
        headers = {name.lower(): value for name, value in request.headers.items()}
        notice = Notice(body, headers, source, webhook, secrets, datetime.now(UTC), mapping)
        if platform.probe is not None and platform.probe(notice):
            return _answer(Admission((), ()), 0, False)
        if not await collector.work(len(body), lambda: platform.signed(notice), source.name):
            raise _not_theirs(webhook)
        collector.rates.check(source)
        admission, left_out = await collector.work(
            len(body),
            lambda: admit_items(
                platform.translate(notice),
                source=source,
                request=uuid4().hex,
                now_ms=int(notice.received.timestamp() * 1000),
            ),
            source.name,
        )
        safe = admission.records or admission.refusals
        spooled = bool(safe) and await collector.send(source, admission, len(body), PATIENCE)
    collector.metrics.left_out(source.name, left_out)
    return _answer(admission, left_out.total(), spooled)


def _answer(admission: Admission, left_out: int, spooled: bool) -> Response:
    answer = {"accepted": len(admission.records), "rejected": told(admission.refusals), "left_out": left_out}
    return Response(msgspec.json.encode(answer | ({"spooled": True} if spooled else {})), media_type="application/json")
