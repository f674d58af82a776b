"""Becomes another program, in three steps that must happen in the new process itself.

Run as a script, standard library only: `python -I -S launch.py SPEC PROGRAM ARGUMENT…`, SPEC being JSON:

    parent         pid: end at once if that is no longer the parent; null to skip
    death_signal   number: what the kernel sends when the parent dies (Linux only; 0: nothing)
    user           uid to run as, or null; PostgreSQL refuses to run as root
    pass_through   true: that user may cross directories which are closed to it (as when all of this lies in /root)
    detach         true: in a new session, as nobody's child; prints its pid, and the program prints to stderr

It is a program and not a `preexec_fn`, because Python code between fork and exec can deadlock in a threaded parent.
"""

import ctypes
import json
import os
import pwd
import sys

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


def _become(uid: int, pass_through: bool) -> None:
    """Gives up root for `uid`, keeping at most the one capability to read and cross any directory."""
    libc = ctypes.CDLL(None, use_errno=True)
    keep = pass_through and sys.platform == "linux"
    if keep:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(pwd.getpwuid(uid).pw_gid)
    os.setuid(uid)
    if keep:
        # Containers leave root only the second, wider one.
        for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
            header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
            bit = 1 << capability
            sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
            if libc.capset(header, sets) == 0:
                libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
                break


def main(spec: str, program: list[str]) -> None:
    asked = json.loads(spec)
    if asked["detach"]:
        if child := os.fork():
            print(child)
            return
        os.setsid()
        os.dup2(2, 1)
    if asked["user"] is not None:
        _become(asked["user"], asked["pass_through"])
    # After the change of user, which clears it.
    if asked["death_signal"] and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, asked["death_signal"], 0, 0, 0)
    if asked["parent"] is not None and os.getppid() != asked["parent"]:
        sys.exit("the process that started this one is gone")
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"cannot run {program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
