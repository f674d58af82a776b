"""What the file of keys says of a source that is a webhook: a platform sends to it, and signs instead of showing a key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PLATFORMS = ("meta", "zalo", "typeform", "form")
_SIGNING = ("meta", "zalo", "typeform")
UNSIGNED, ASKING = "form", ("typeform", "form")
"""What shows the access key in place of a signature; and what sends questions, which a mapping explains."""


class Webhook(BaseModel):
    """Entry `webhook` of a source. What is sent to `/v1/hooks/NAME` is `platform`'s.

    `secret_file` is the name of a file beside the file of keys: what signs must be there in plain, so it is in a file of its
    own, which only the collector may read. `app_id` is that of the app at Zalo, which signs it along. `mapping` is the name of
    a file beside it: what the questions of a form mean.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    platform: Literal["meta", "zalo", "typeform", "form"]
    secret_file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None
    app_id: Annotated[str, Field(pattern=r"^[0-9]{1,30}$")] | None = None
    mapping: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Webhook:
        if self.platform in _SIGNING and self.secret_file is None:
            raise ValueError(f"{self.platform} signs what it sends: give secret_file")
        if self.platform == "zalo" and self.app_id is None:
            raise ValueError("zalo signs the id of the app along: give app_id")
        if self.platform in ASKING and self.mapping is None:
            raise ValueError("say what its questions mean: give mapping, the name of a file beside this one")
        return self
