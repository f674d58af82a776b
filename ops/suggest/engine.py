"""DuckDB and Splink: started here, in memory, with nothing to say and nobody to call."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ops.local.home import LocalStackError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from splink import Linker


@contextmanager
def engine() -> Iterator[DuckDBPyConnection]:
    """An empty database in memory; what memory cannot hold goes to a temporary directory. Splink is silent meanwhile.

    Raises LocalStackError when the extra `suggest` is not installed.
    """
    with _silence(), tempfile.TemporaryDirectory() as spill:
        try:
            import duckdb
            import pyarrow as pa  # noqa: F401 - to say now that it is missing
            import splink  # noqa: F401
        except ImportError as error:
            raise LocalStackError(
                f"suggestions need {error.name}, which is not installed. Install it with `pip install 'portrait[suggest]'`"
            ) from error
        offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        with closing(duckdb.connect(":memory:", config={**offline, "temp_directory": spill})) as database:
            database.execute("set enable_progress_bar = false")
            yield database


@contextmanager
def _silence() -> Iterator[None]:
    """Splink tells its log of each step, and warns of each level that few records have; see `ops.suggest.learning`."""
    logger = logging.getLogger("splink")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            logger.setLevel(level)


def rows(database: DuckDBPyConnection, name: str, /, **names: str | int) -> list[tuple[Any, ...]]:
    """The rows that `NAME.sql` gives, with these names of columns and tables in it; none when it is no query."""
    text = (files("ops.suggest.sql") / f"{name}.sql").read_text("utf-8")
    statement = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return database.execute(statement.format(**names)).fetchall()


def linker(database: DuckDBPyConnection, settings: dict[str, Any], frequencies: Iterable[str]) -> Linker:
    """Splink over the table `compared`. `frequencies`: the columns with a table that says how common
    their values are."""
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(database)
    made = Linker(api.register("compared"), settings, log_level=None)
    for column in frequencies:
        made.table_management.register_term_frequency_lookup(api.register(f"frequency_of_{column}"), column)
    return made
