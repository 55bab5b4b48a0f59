"""What `morpholoop doctor` looks at, one small check each."""

import importlib
import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import UnusableInput

LEAST_FREE_GIB = 2.0
KEY_PACKAGES = ("torch", "diffusers", "prefect", "bluesky", "ophyd", "sqlmodel", "scikit-image", "pydantic")


@dataclass(frozen=True)
class Check:
    """The outcome of one check: what was looked at, whether it is as it should be, and what was found."""

    name: str
    ok: bool
    detail: str


def all_checks() -> Iterator[Check]:
    """Every check in turn; a check that cannot be carried out has failed."""
    checks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("python", python),
        ("packages", packages),
        ("state directory", state),
        ("disk space", disk),
        ("database", database),
        ("labs", labs),
        ("weights", weights),
    )
    for name, check in checks:
        try:
            yield check()
        except Exception as error:  # whatever breaks a check is what it found
            yield Check(name, False, " ".join(str(error).split()) or type(error).__name__)


def python() -> Check:
    """Python itself."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", sys.version_info >= (3, 11), found)


def packages() -> Check:
    """Every package that morpholoop requires is there in a version it works with."""
    from packaging.requirements import Requirement

    wrong = []
    for text in importlib.metadata.requires("morpholoop") or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, expected {requirement.specifier}")
    if wrong:
        return Check("packages", False, "; ".join(wrong) + "; install morpholoop again.")
    found = (f"{name} {importlib.metadata.version(name)}" for name in ("morpholoop", *KEY_PACKAGES))
    return Check("packages", True, ", ".join(found))


def state() -> Check:
    """The state directory can be written."""
    from models.home import state_directory

    try:
        return Check("state directory", True, str(state_directory()))
    except UnusableInput as error:
        return Check("state directory", False, str(error))


def disk() -> Check:
    """There is room for micrographs."""
    from models.home import state_directory

    place = state_directory(create=False)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    return Check(
        "disk space", free >= LEAST_FREE_GIB, f"{free:.1f} GiB free (at least {LEAST_FREE_GIB:g} wanted)"
    )


def database() -> Check:
    """The ledgers' tables are those of this version, or there is no ledger yet."""
    from campaigns.ledger import ledger_location, revisions
    from campaigns.ledger.engine import address
    from models.home import state_directory

    home = state_directory(create=False)
    there = []
    for simulated in (False, True):
        location = ledger_location(home, simulated=simulated)
        found, head = revisions(location, simulated=simulated)
        name = f"{address(location)} ({'simulated' if simulated else 'real'})"
        if found not in (None, head):
            return Check("database", False, f"{name} is at revision {found}, the newest is {head}")
        there += [name] if found else []
    names = ", ".join(there)
    return Check(
        "database", True, f"at head: {names}" if there else "no ledger yet; the first campaign makes it"
    )


def labs() -> Check:
    """The shipped lab files can be read and their device classes imported."""
    from devices.labfile import load_class, read_lab_file

    files = sorted(library().glob("labs/*.yaml"))
    for path in files:
        lab = read_lab_file(path)
        for section in (lab.backend, *lab.reactors.values(), *lab.microscopes.values()):
            if section is not None:
                load_class(section.class_, path)
    names = ", ".join(path.stem for path in files)
    return Check("labs", bool(files), f"devices importable: {names}" if files else "no lab file is shipped")


def weights() -> Check:
    """Every version of the generator has the bytes that its manifest says, and one is current."""
    from models.generator import registry
    from models.generator.manifest import verify

    found = registry.versions()
    for version in found:
        if version.problem:
            return Check("weights", False, version.problem)
        verify(version.folder)
    current = registry.current()
    if current is None:
        return Check("weights", False, "no generator is there; train or import one")
    names = ", ".join(f"{v.name}{' (current)' if v.current else ''}" for v in found)
    return Check("weights", True, f"checksums hold: {names}")


def notifications(*, send: bool) -> Check:
    """The addresses that are told when a campaign waits or ends; ``send``: with a message to each."""
    from flows import notifying
    from models.errors import UnusableInput

    try:
        if not (known := len(notifying.addresses())):
            return Check("notifications", True, f"nobody is told; {notifying.VARIABLE} sets addresses")
        if send:
            notifying.send("morpholoop can reach you", "This was asked for by `morpholoop doctor --notify`.")
    except UnusableInput as error:
        return Check("notifications", False, str(error))
    return Check("notifications", True, f"{known} addresses{', all of them took a message' if send else ''}")


def library() -> Path:
    """Where the shipped campaign and lab files are."""
    import campaigns

    assert campaigns.__file__ is not None
    return Path(campaigns.__file__).parent / "library"
