"""The second process of a collector: it does what `producers.intake.offload` asks of it over its stdin, until that ends.

It ends with the collector, however that ends, since its stdin then does.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

import producers.admit_body  # what is asked of it, read before the first question
import producers.intake.punctuality
import producers.segment_api.admit_calls  # noqa: F401
from producers.intake import garbage
from producers.intake.offload import LENGTH, Told
from producers.request.problems import Problem

log = logging.getLogger(__name__)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more questions."""
    _tell(answers, b"")
    while len(head := questions.read(LENGTH.size)) == LENGTH.size:
        _tell(answers, _answer(questions.read(LENGTH.unpack(head)[0])))


def _answer(question: bytes) -> bytes:
    try:
        try:
            told: Told = (True, pickle.loads(question)())  # noqa: S301 - from the process that has started this one
        except Problem as problem:
            told = (False, problem)
        return pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        log.error("something was not judged here: %s", type(error).__name__)
        return pickle.dumps(None)


def _tell(answers: BinaryIO, message: bytes) -> None:
    answers.write(LENGTH.pack(len(message)))
    answers.write(message)
    answers.flush()


def main() -> int:
    """Serve the process at the other end of stdin and stdout."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # of a terminal, or for a whole group: the collector says when it is over
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anybody prints is no answer
    garbage.seldom()
    with suppress(BrokenPipeError):  # the collector has ended
        serve(sys.stdin.buffer, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
