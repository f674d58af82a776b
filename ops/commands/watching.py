"""`portrait watch`: a folder of files of tills."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from ops.commands.importing import Through, destination_of
from ops.local.home import Home, LocalStackError
from ops.terminal import HomeOption, example

_PATIENCE = 15.0
"""Seconds in which a batch is tried again; then the file stays for later. Whoever stops the watcher waits so long, and
for what is on its way."""


def register(app: typer.Typer) -> None:
    """Give this command to `app`."""
    app.command(
        name="watch",
        epilog=example(
            "portrait watch /srv/tills --mapping scans.yaml",
            "portrait watch /srv/tills --mapping scans.yaml --once",
        ),
        rich_help_panel="Run",
    )(watch)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where tills, or people, put files.")],
    mapping: Annotated[str, typer.Option(metavar="YAML", help="What their columns mean; it must have an id.")],
    source: Annotated[
        str | None, typer.Option(help="The CloudEvents source; else the mapping's, else /files/FOLDER.")
    ] = None,
    through: Annotated[Through, typer.Option(help="Straight into Kafka, or through the collector.")] = Through.KAFKA,
    settle: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="So long a file must not have changed to be whole.")
    ] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="Take what is there, and end: for cron.")] = False,
    home: HomeOption = None,
) -> None:
    """Import every file that is put into a folder, once it is whole, and move it to done/ or failed/ with a report.

    With --once the exit code is 1 when a file failed or had to stay.
    """
    from producers.drop_folder.folder import DropFolder, FolderAway, FolderTaken
    from producers.drop_folder.one_file import DropImport
    from producers.drop_folder.watch import Watcher
    from producers.files.mapping import MappingError, load_mapping

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    chosen = Home.at(home)
    place = folder.expanduser().absolute()
    try:
        read = load_mapping(mapping)
        with destination_of(through, home, patience=_PATIENCE, wait=False) as destination:
            dropped = DropFolder(place, settle)
            importer = DropImport(
                dropped,
                read,
                source or read.source or f"/files/{place.name}",
                destination,
                chosen.path,
                stopping.is_set,
            )
            watcher = Watcher(dropped, importer, chosen.path)
            if once:
                watcher.once(settle, stopping)
            else:
                watcher.run(stopping)
    except MappingError as error:
        raise LocalStackError(f"{error}. docs/channels/pos-files.md says how a mapping is written") from error
    except (FolderAway, FolderTaken) as error:
        raise LocalStackError(str(error)) from error
    if once and not watcher.good:
        raise typer.Exit(1)
