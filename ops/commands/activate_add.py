"""`portrait activate add`: a webhook, e-mails, or files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ops.local.home import LocalStackError
from ops.terminal import HomeOption, console, database_url, errors, example, kafka_address, program, segments_of
from ops.who import who_works

if TYPE_CHECKING:
    from sinks.activation.targets import Settings

app = typer.Typer(help="Add a target: it is told of the changes that come from then on.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="TARGET", help="Its name: small letters, digits, hyphens.")]
Segments = Annotated[
    list[str] | None, typer.Option("--segment", metavar="NAME", help="A segment or family that it follows; else all.")
]
Actions = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="entered|left", help="Which changes; else both, of an e-mail: entered."),
]
Backfill = Annotated[
    bool,
    typer.Option(
        "--backfill", help="Also changes that come of new rules or of old events, and that nobody made just now."
    ),
]
Attempts = Annotated[int, typer.Option(min=1, help="Tries of one change before it becomes a dead letter.")]
Hours = Annotated[float, typer.Option(help="After so long without an answer, each change is tried only once.")]
Timeout = Annotated[float, typer.Option(help="Seconds for one try.")]
By = Annotated[str | None, typer.Option("--by", help="Who adds it; else the name that this machine knows you by.")]
WHERE = "env:NAME|file:PATH"


@app.command(
    epilog=example(
        "portrait activate add webhook crm https://crm.example/hooks --secret file:/etc/portrait/crm.secret",
        "portrait activate add webhook till https://till.example/vip --secret env:TILL_SECRET --segment vip --segment lifecycle",
    )
)
def webhook(
    target: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where each change is posted.")],
    secret: Annotated[str, typer.Option(metavar=WHERE, help="Where the signing secret is. It is not stored.")],
    segment: Segments = None,
    action: Actions = None,
    backfill: Backfill = False,
    max_attempts: Attempts = 20,
    max_hours: Hours = 24.0,
    timeout: Timeout = 10.0,
    by: By = None,
    home: HomeOption = None,
) -> None:
    """Add a webhook: each change is posted to an address, signed as Standard Webhooks describes it."""
    from sinks.activation.targets import WebhookSettings

    patience = {"max_attempts": max_attempts, "max_hours": max_hours, "timeout": timeout}
    settings = WebhookSettings(url=url, secret=secret, **patience)  # type: ignore[arg-type]
    _add(target, settings, segment, action or ["entered", "left"], backfill, by, home)


@app.command(
    epilog=example(
        "portrait activate add email birthdays --host smtp.example --from 'Hoa Mai <shop@example.com>' --segment birthday_soon "
        "--subject 'Chúc mừng sinh nhật {{ customer.full_name }}' --text birthday.txt "
        "--user shop --password file:/etc/portrait/smtp.password --unsubscribe mailto:thoi@example.com",
    )
)
def email(
    target: Name,
    host: Annotated[str, typer.Option(help="The SMTP server.")],
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Who writes: NAME <ADDRESS>.")],
    subject: Annotated[
        str, typer.Option(metavar="TEMPLATE", help="The subject, with {{ customer.full_name }} and so on.")
    ],
    text: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The template of the text.")],
    html: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The template of the same as HTML.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Else 587, 465 with ssl, 25 with none.")] = None,
    security: Annotated[
        str, typer.Option(metavar="starttls|ssl|none", help="How the connection is encrypted.")
    ] = "starttls",
    user: Annotated[str | None, typer.Option(help="Who logs in there.")] = None,
    password: Annotated[
        str | None, typer.Option(metavar=WHERE, help="Where the password is. It is not stored.")
    ] = None,
    reply_to: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Who gets the answers.")] = None,
    unsubscribe: Annotated[
        str | None, typer.Option(metavar="mailto:…|https:…", help="Where customers unsubscribe, for mail programs.")
    ] = None,
    require_consent: Annotated[
        bool,
        typer.Option(
            "--require-consent/--consent-elsewhere", help="Whom nobody asked is not written to / you know who may be."
        ),
    ] = True,
    segment: Segments = None,
    action: Actions = None,
    backfill: Backfill = False,
    max_attempts: Attempts = 20,
    max_hours: Hours = 24.0,
    timeout: Timeout = 10.0,
    by: By = None,
    home: HomeOption = None,
) -> None:
    """Add e-mails: the customers of the changes are written to, if they agreed and have an address."""
    from sinks.activation.targets import EmailSettings

    ports = {"starttls": 587, "ssl": 465, "none": 25}
    if security not in ports:
        raise LocalStackError(f"--security {security}: say starttls, ssl or none")
    settings = EmailSettings(
        host=host,
        port=port or ports[security],
        security=security,  # type: ignore[arg-type]
        sender=sender,
        subject=subject,
        text=_template(text),
        html=None if html is None else _template(html),
        user=user,
        password=password,
        reply_to=reply_to,
        unsubscribe=unsubscribe,
        require_consent=require_consent,
        max_attempts=max_attempts,
        max_hours=max_hours,
        timeout=timeout,
    )
    _add(target, settings, segment, action or ["entered"], backfill, by, home)
    if not require_consent:
        errors.print("[yellow]![/yellow] Whom nobody asked is written to: see docs/activation.md, Consent.")


@app.command(
    epilog=example("portrait activate add csv files /srv/crm --every 60 --segment lifecycle --trait full_name --bom")
)
def csv(
    target: Name,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files are written.")],
    every: Annotated[
        float, typer.Option(metavar="MINUTES", help="Not more often, and only when something changed.")
    ] = 15.0,
    trait: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A trait of the customer as a column.")
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help="With the mark by which Excel knows UTF-8.")] = False,
    keep: Annotated[int, typer.Option(min=1, help="How many files stay; older ones are deleted.")] = 48,
    segment: Segments = None,
    by: By = None,
    home: HomeOption = None,
) -> None:
    """Add files: who is in which segment, as a new CSV file whenever that changed."""
    from sinks.activation.targets import CsvSettings

    settings = CsvSettings(
        directory=str(directory.expanduser().absolute()),
        every_minutes=every,
        traits=tuple(trait or ()),
        bom=bom,
        keep=keep,
    )
    _add(target, settings, segment, ["entered", "left"], False, by, home)


def _add(
    name: str,
    settings: Settings,
    segments: list[str] | None,
    actions: list[str],
    backfill: bool,
    by: str | None,
    home: Path | None,
) -> None:
    from ops.activation import Followed, add, environment, targets

    if wrong := set(actions) - {"entered", "left"}:
        raise LocalStackError(f"--action {', '.join(sorted(wrong))}: say entered or left")
    catalogue = segments_of(home)
    known = {*catalogue.rule_of, *(family.name for family in catalogue.families)}
    followed = Followed(tuple(dict.fromkeys(segments or ())), tuple(dict.fromkeys(actions)), backfill)
    with targets(database_url(home)) as store:
        add(store, kafka_address(home), name, settings, followed, by or who_works(), environment(home))
    for each in followed.segments:
        if each not in known:
            errors.print(
                f"[yellow]![/yellow] There is no segment or family {escape(each)} yet: {program()} segments ls"
            )
    console.print(
        f"[green]✓[/green] {name} is told of what changes from now on. Try it: {program()} activate test {name}",
        soft_wrap=True,
    )


def _template(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LocalStackError(f"{file} cannot be read: {error}") from error
