"""Licences of what is installed: `python -m docs.site.licences` lists them, and fails on copyleft.

Strong copyleft (GPL, AGPL) in what the base installation requires would bind whoever distributes morpholoop
with it; weak copyleft of files or of libraries that are used unchanged (MPL, LGPL) does not, and is marked.
"""

import re
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

STRONG = re.compile(r"(?<![A-Za-z])A?GPL|GNU (Affero )?General Public", re.IGNORECASE)
WEAK = re.compile(r"LGPL|Lesser General|MPL|Mozilla|EPL|CDDL|EUPL", re.IGNORECASE)
OTHERWISE = re.compile(r"proprietary|\beula\b|commercial", re.IGNORECASE)


UNSTATED = "not stated"
READ = {
    "cuda-toolkit": "NVIDIA Proprietary Software",
    "docutils": "Public Domain and BSD License",  # the GPL is of an editor's mode; the package leaves it out
    "historydict": "BSD-3-Clause",
    "pyepics": "EPICS Open License",
    "segment-anything": "Apache-2.0",
    "text-unidecode": "Artistic License",  # or the GPL, as one chooses
}
"""What the text of a licence says where the package's metadata do not say it, or say more than applies."""


@dataclass(frozen=True)
class Licensed:
    """A package, its version, its licence as it states it, and the extra that it comes with ("" for none)."""

    name: str
    version: str
    licence: str
    extra: str

    @property
    def kind(self) -> str:
        """permissive, weak copyleft, strong copyleft, proprietary, or unknown."""
        for kind, said in (("strong copyleft", STRONG), ("weak copyleft", WEAK), ("proprietary", OTHERWISE)):
            if said.search(self.licence):
                return kind
        return "unknown" if self.licence == UNSTATED else "permissive"


def licences(package: str = "morpholoop") -> list[Licensed]:
    """What ``package`` requires, directly or not, by name; then what installed extras add."""
    found: dict[str, Licensed] = {}
    extras = distribution(package).metadata.get_all("Provides-Extra") or []
    for extra in ("", *(one for one in extras if one not in ("dev", "docs", "notebooks"))):
        _require(package, extra, extra, found)
    return sorted(found.values(), key=lambda one: (one.extra, one.name.lower()))


def _require(package: str, extra: str, through: str, found: dict[str, Licensed]) -> None:
    for text in distribution(package).requires or ():
        requirement = Requirement(text)
        here = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        always = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        name = canonicalize_name(requirement.name)
        if not here or (extra and always) or name in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = Licensed(name, one.version, _stated(one), through)
        for inner in ("", *requirement.extras):
            _require(name, inner, through, found)


def _stated(one: Distribution) -> str:
    """The licence that was read, or that a package states: an expression, classifiers, or one line."""
    classifiers = [
        c.rpartition(" :: ")[2] for c in one.metadata.get_all("Classifier") or () if c.startswith("License")
    ]
    told = (
        READ.get(canonicalize_name(one.name))
        or one.metadata.get("License-Expression")
        or "; ".join(c for c in classifiers if c != "OSI Approved")
    )
    return told or (one.metadata.get("License") or UNSTATED).strip().partition("\n")[0][:60]


INTRODUCTION = """# Licences

morpholoop is under Apache-2.0. This is what it requires, as it is installed here; `make licences` prints the
same and fails on strong copyleft. NVIDIA's packages come with the CUDA build of torch, under NVIDIA's terms;
torch's build for CPUs does without. psycopg (LGPL) comes with the extra `postgresql` alone, and is used
unchanged.

| package | version | licence | kind | with the extra |
|---|---|---|---|---|
"""


def page() -> str:
    """The list in Markdown."""
    rows = (
        f"| {one.name} | {one.version} | {one.licence} | {one.kind} | {one.extra} |" for one in licences()
    )
    return INTRODUCTION + "\n".join(rows) + "\n"


if __name__ == "__main__":
    binding = [one for one in licences() if not one.extra and one.kind in ("strong copyleft", "unknown")]
    print(page())
    for one in binding:
        print(f"{one.name} is under {one.licence}, which has to be read.", file=sys.stderr)
    sys.exit(bool(binding))
