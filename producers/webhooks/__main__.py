"""`python -m producers.webhooks PLATFORM FILE NAME [APP_ID]`: add a webhook to the file of keys and print its access key.

The secret that the platform signs with is read from standard input, or asked for, and written to NAME.secret beside the file;
a `form` signs nothing, and shows the access key. What the questions of a form mean, or of typeform, stands in NAME.yaml.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from producers.keys import KeysError
from producers.keys.changes import add_source
from producers.keys.webhook import ASKING, PLATFORMS, UNSIGNED, Webhook


def add_webhook(file: Path, name: str, platform: str, secret: str, app_id: str | None = None) -> str:
    """Add the source `name` and its secret; returns its access key. Raises KeysError, and nothing is changed then."""
    named = None if platform == UNSIGNED else f"{name}.secret"
    mapping = f"{name}.yaml" if platform in ASKING else None
    told = {"platform": platform, "secret_file": named, "app_id": app_id, "mapping": mapping}
    try:
        webhook = Webhook.model_validate({part: value for part, value in told.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if {"secret_file", "mapping"} & {*first["loc"]}:
            raise KeysError(f"{name!r} is not a name: use letters, digits, '.', '_' and '-', at most 64") from None
        if "app_id" in first["loc"]:
            raise KeysError("the id of the app has digits only; the secret is read from standard input") from None
        if "platform" in first["loc"]:
            raise KeysError(f"{platform!r} is no platform: {', '.join(PLATFORMS)} are") from None
        raise KeysError(first["msg"]) from None
    if named is None:
        return add_source(file, name, webhook=webhook)
    if not secret.strip():
        raise KeysError("there is no secret on standard input")
    file.parent.mkdir(parents=True, exist_ok=True)
    secret_file = file.with_name(named)
    try:
        handle = os.open(secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeysError(f"{secret_file} is there already: delete it if no source in {file} has it") from None
    try:
        with open(handle, "w", encoding="utf-8") as written:
            written.write(f"{secret.strip()}\n")
            written.flush()
            os.fsync(written.fileno())
        return add_source(file, name, webhook=webhook)
    except BaseException:
        secret_file.unlink()
        raise


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1, and why, when it cannot be added; 2 when the command is not complete."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) not in (3, 4):
        sys.stderr.write(f"usage: python -m producers.webhooks {'|'.join(PLATFORMS)} FILE NAME [APP_ID of Zalo]\n")
        return 2
    platform, file, name = given[:3]
    prompt = f"The secret that {platform} signs with: "
    secret = ""
    if platform != UNSIGNED:
        secret = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    try:
        key = add_webhook(Path(file), name, platform, secret, given[3] if len(given) == 4 else None)
    except KeysError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"the address of this webhook at the collector is /v1/hooks/{name}; its access key:\n")
    sys.stdout.write(f"{key}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
