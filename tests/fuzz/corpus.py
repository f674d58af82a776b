"""What fuzzing learnt of each format: inputs that each reach what those before did not, in one archive a target."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

ARCHIVES = Path(__file__).parent / "corpora"


def unpacked(name: str) -> Iterator[bytes]:
    """The inputs of a target, short ones first; none when none were kept."""
    archive = ARCHIVES / f"{name}.tar.xz"
    if not archive.exists():
        return
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member)
            assert content is not None
            yield content.read()


def pack(name: str, directory: Path) -> int:
    """Keep the files of `directory`; how many. The same files make the same archive."""
    contents = {path.read_bytes() for path in directory.iterdir() if path.is_file()} if directory.exists() else set()
    ARCHIVES.mkdir(exist_ok=True)
    with tarfile.open(ARCHIVES / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        for number, content in enumerate(sorted(contents, key=lambda content: (len(content), content))):
            member = tarfile.TarInfo(str(number))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return len(contents)
