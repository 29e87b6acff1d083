"""Pythons that have the pinned packages of a test: an environment of its own for each list, made once, outside the repository."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys


def cache():
    of_user = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("LEASEHOLD_CACHE") or pathlib.Path(of_user) / "leasehold")


def python_with(requirements):
    """The interpreter that has what this file lists, which names everything in one version, dependencies too."""
    place = cache() / f"{requirements.parent.name}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            subprocess.run([place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", requirements], check=True)
            (place / "complete").touch()
    return place / "bin/python"
