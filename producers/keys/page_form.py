"""What the file of keys says of a source that is a form on a page: whoever looks at the page may send to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_PAGE = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]_-]+(/[\x21-\x7e]*)?$", max_length=2_000)]
"""In ASCII, as browsers send it: a header of HTTP takes nothing else."""


class PageForm(BaseModel):
    """Entry `form` of a source. What is sent to `/v1/forms/NAME`, or `/v1/forms/KEY`, is a submission.

    `thanks` is the page that the visitor is sent to, `sorry` the one when the submission was refused (else `thanks`, too: it is
    kept). `mapping` is the name of a file beside the file of keys; without one the fields have their usual names. Who fills in
    `honeypot`, which people do not see, is a machine. `a_minute` is how many submissions an address may send. With
    `believe_consent`, what boxes say of consent counts: any visitor can say it of anybody.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    thanks: _PAGE
    sorry: _PAGE | None = None
    mapping: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None
    honeypot: Annotated[str, Field(min_length=1, max_length=100)] = "_gotcha"
    a_minute: Annotated[int, Field(ge=1, le=10_000)] = 10
    believe_consent: bool = False
