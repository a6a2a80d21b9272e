"""Namespaces: takes the network, the machine's processes and writable files away, on Linux.

``guard`` loads this file by its path, in a Python without packages, so it imports only the standard
library. It needs no privileges, but a kernel that lets users create user namespaces.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_MOUNT_SETATTR = 442  # the number of this system call is the same on all architectures
_AT_FDCWD, _AT_RECURSIVE, _READ_ONLY = -100, 0x8000, 1
_SET_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _SET_SUBREAPER, _NO_NEW_PRIVS = 1, 4, 24, 36, 38

_SHARED = "/dev/shm"


class _MountAttributes(ctypes.Structure):
    """The kernel's ``struct mount_attr``."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user")]


def isolate(work: str, disk: int, network: bool, seen: Sequence[str]) -> list[str]:
    """Move this process into new namespaces, as far as the platform allows; return what holds.

    If there are new namespaces, the caller continues in a child process, whose end ends all
    processes in them, and the process that called only waits for it.

    Args:
        work: The folder that stays writable; it becomes an empty one in memory.
        disk: Size of that folder in bytes.
        network: Whether the network stays.
        seen: Files and folders that must stay visible.

    Returns:
        Some of ``"processes"`` (no process outside can be seen, and none outlives the evaluation),
        ``"network"`` (there is none), ``"files"`` (all files outside the folder are read-only).
    """
    if not sys.platform.startswith("linux"):
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    held = []
    if _unshared(libc, network):
        _continue_as_first_process(libc)
        held = ["processes"] + ([] if network else ["network"])
        held += ["files"] if _protect_files(libc, work, disk, seen) else []
    else:
        libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0)  # orphans come to this process, which kills them
    libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)  # the program can't reach this process's open files
    return held


def tie_down(isolated: bool) -> None:
    """Let this process end with the one that started it, and never gain a privilege.

    It is called between fork and exec. In new namespaces this process is privileged, and could
    mount a file system.

    Args:
        isolated: Whether it is in new namespaces.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64 if isolated else 0):
        libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)


def _unshared(libc: ctypes.CDLL, network: bool) -> bool:
    """Enter new namespaces as the same user; the numbers of user and group stay."""
    user, group = os.getuid(), os.getgid()
    spaces = _NEWUSER | _NEWPID | _NEWNS | _NEWIPC | _NEWUTS | (0 if network else _NEWNET)
    if libc.unshare(spaces) != 0:
        return False
    try:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    except OSError:
        return True  # the spaces are new all the same; the mounts may be refused
    return True


def _write(file: str, text: str) -> None:
    with open(file, "w") as out:
        out.write(text)


def _continue_as_first_process(libc: ctypes.CDLL) -> None:
    """Fork: the child goes on as process 1 of its namespace, this process waits for its end."""
    child = os.fork()
    if child:
        os.close(0)
        os.close(1)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _protect_files(libc: ctypes.CDLL, work: str, disk: int, seen: Sequence[str]) -> bool:
    """Make everything read-only but the folder, which gets a file system of its own in memory."""

    def mount(kind: str, place: str, flags: int, options: str = "") -> bool:
        words = (kind.encode(), place.encode(), kind.encode())
        return bool(libc.mount(*words, flags, options.encode() or None) == 0)

    if libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    read_only = _MountAttributes(_READ_ONLY, 0, 0, 0)
    if libc.mount(work.encode(), work.encode(), None, _MS_BIND, None) != 0:
        return False
    size = ctypes.sizeof(read_only)
    everything = (_AT_FDCWD, b"/", _AT_RECURSIVE, ctypes.byref(read_only), size)
    if libc.syscall(_MOUNT_SETATTR, *everything) != 0:
        return False
    own = _MS_NOSUID | _MS_NODEV
    mount("proc", "/proc", own)  # without it processes outside are seen, but can't be reached
    if not any(os.path.realpath(place).startswith(f"{_SHARED}/") for place in (work, *seen)):
        mount("tmpfs", _SHARED, own, f"size={disk},mode=1777")
    return mount("tmpfs", work, own, f"size={disk},mode=700")
