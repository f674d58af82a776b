"""Fuzz everything that reads what others wrote: `python -m tests.fuzz [NAME …] --seconds 600`.

Coverage-guided, by Atheris (`pip install -e '.[fuzz]'`), each target in a process of its own. What covers more than before is
kept in `.fuzz/NAME`, and with `--keep` packed into `tests/fuzz/corpora`, where the next run of any machine begins; what breaks a
promise is kept in `tests/fuzz/seeds/NAME`. The tests read both from then on.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from hashlib import sha1
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".fuzz"
OURS = ["producers", "processors", "schemas"]
_WORDS = re.compile(rb"[A-Za-z0-9_.@:/-]{2,40}")
_MOST_WORDS = 400


def main(arguments: list[str] | None = None) -> int:
    """0 when no target broke, 1 when one did, 2 when Atheris is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=(__doc__ or "").partition("\n")[0],
        epilog="example: python -m tests.fuzz segment zalo --seconds 600",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a target (default: all)")
    parser.add_argument("--seconds", type=int, default=600, help="for each target (default: 600)")
    parser.add_argument(
        "--keep", action="store_true", help="fuzz nothing: pack what covers more, to be read by every test run"
    )
    parser.add_argument("--here", metavar="NAME", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.here:
        _fuzz(asked.here, asked.seconds)
    from tests.fuzz.corpus import pack
    from tests.fuzz.targets import SEEDS, TARGETS

    if unknown := set(asked.names) - TARGETS.keys():
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if asked.keep:
        for name in asked.names or TARGETS:
            print(f"{name}: {pack(name, CORPUS / name)} inputs are kept")
        return 0
    broken = [name for name in asked.names or TARGETS if not _holds(name, asked.seconds)]
    if broken:
        print(f"broken: {', '.join(broken)}; what broke them is in {SEEDS.relative_to(ROOT)}", file=sys.stderr)
    return 1 if broken else 0


def _holds(name: str, seconds: int) -> bool:
    command = [sys.executable, "-m", "tests.fuzz", "--here", name, "--seconds", str(seconds)]
    run = subprocess.run(command, check=False, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace")
    if run.returncode == 2:
        sys.exit(run.stderr)
    covered = re.findall(r"cov: (\d+)", run.stderr)
    told = [line for line in run.stderr.splitlines() if line.startswith("Done")]
    ended = "" if run.returncode == 0 else f"\n{run.stderr[-3_000:]}"
    reached = f"{covered[0]} branches at first, {covered[-1]} in the end" if covered else "nothing covered"
    print(f"{name}: {'held' if run.returncode == 0 else 'broken'}; {'; '.join(told)}; {reached}{ended}", flush=True)
    return run.returncode == 0


def _fuzz(name: str, seconds: int) -> None:
    """Does not return: libFuzzer ends the process."""
    try:
        import atheris
    except ImportError:
        sys.stderr.write("Atheris is not there: pip install -e '.[fuzz]' (Linux, Python 3.11 to 3.13)\n")
        sys.exit(2)
    with atheris.instrument_imports(include=OURS, enable_loader_override=False):
        from tests.fuzz.corpus import unpacked
        from tests.fuzz.targets import SEEDS, TARGETS
    target, corpus, kept = TARGETS[name], CORPUS / name, SEEDS / name
    corpus.mkdir(parents=True, exist_ok=True)
    kept.mkdir(parents=True, exist_ok=True)
    begin = target.begin()
    for number, content in enumerate(begin):
        (corpus / f"begin-{number}").write_bytes(content)
    for content in unpacked(name):
        (corpus / sha1(content).hexdigest()).write_bytes(content)
    for seed in kept.iterdir():
        shutil.copy(seed, corpus / seed.name)
    words = list(dict.fromkeys(word for content in begin for word in _WORDS.findall(content)))[:_MOST_WORDS]
    (CORPUS / f"{name}.dict").write_text("".join(f'"{word.decode()}"\n' for word in words))
    options = (
        *(f"-max_total_time={seconds}", f"-artifact_prefix={kept}/", f"-dict={CORPUS / name}.dict"),
        *("-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"),
    )
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
