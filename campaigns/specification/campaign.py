"""The whole campaign file as one frozen model."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from campaigns.specification.expressions import ExpressionError, parse
from campaigns.specification.failures import Failures
from campaigns.specification.faults import detail
from campaigns.specification.feasibility import TRIALS, is_feasible
from campaigns.specification.imaging import Imaging, View
from campaigns.specification.lab import check_lab, is_simulated
from campaigns.specification.parameters import ParameterSpec
from campaigns.specification.policies import Approval, Budget, Learning, Model, Optimiser, Stopping
from campaigns.specification.quantities import is_numeric
from campaigns.specification.section import Section
from campaigns.specification.targets import TargetSpec, is_known
from models.values import Conditions, Constraint, Space, Target


class Campaign(Section):
    """What is searched, wanted, looked at, spent and approved. Quantities are in their declared units."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
    description: Annotated[str, Field(max_length=2000)] = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    lab: Annotated[Path, Field(strict=False, description="lab file, relative to this file")]
    parameters: Annotated[tuple[ParameterSpec, ...], Field(strict=False, min_length=1)]
    constraints: Annotated[tuple[str, ...], Field(strict=False)] = ()
    targets_: Annotated[tuple[TargetSpec, ...], Field(strict=False, min_length=1, alias="targets")]
    imaging: Imaging
    budget: Budget
    optimiser: Optimiser = Optimiser()
    model: Model = Model()
    approval: Approval = Approval()
    learning: Learning = Learning()
    stopping: Stopping = Stopping()
    # Left out where it is the default: the digests of earlier campaigns stay what they were.
    failures: Annotated[Failures, Field(exclude_if=lambda given: given == Failures())] = Failures()

    @field_validator("lab", mode="after")
    @classmethod
    def _lab(cls, lab: Path, info: ValidationInfo) -> Path:
        folder = (info.context or {}).get("folder")
        return lab if folder is None else check_lab(folder / lab)

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Faults between sections: names, constraints, descriptors and views, model and learning."""
        parameters = [p for p in _mappings(raw.get("parameters")) if isinstance(p[1].get("name"), str)]
        yield from _repeated("parameters", "name", raw.get("parameters"))
        yield from _repeated("targets", "descriptor", raw.get("targets"))
        if parameters and all(p.get("value") is not None for _, p in parameters):
            yield detail(("parameters",), "at least one parameter to search", None, got="only fixed values")
        yield from _constraint_faults(raw.get("constraints"), [p for _, p in parameters])
        yield from _view_faults(raw)
        yield from _approval_faults(raw, (info.context or {}).get("folder"))
        model, learning = raw.get("model"), raw.get("learning")
        generator = model.get("generator", "current") if isinstance(model, dict) else "current"
        tuned = isinstance(learning, dict) and learning.get("fine_tune") is not None
        if tuned and (generator is None or str(generator).lower() == "none"):
            yield detail(
                ("learning", "fine_tune"),
                "no fine-tuning where model.generator is none",
                None,
                got="a section",
            )
        follows = isinstance(learning, dict) and learning.get("follow_current") is True
        if follows and (tuned or str(generator).lower() != "current"):
            expected = "false, but where model.generator is current and learning.fine_tune is left out"
            yield detail(("learning", "follow_current"), expected, True)

    @model_validator(mode="after")
    def _something_to_search(self) -> Self:
        if not is_feasible(self.space()):
            expected = (
                f"constraints that leave something to search (none of {TRIALS} conditions meets them all)"
            )
            fault = detail(("constraints",), expected, list(self.constraints))
            raise ValidationError.from_exception_data("Campaign", [fault])
        return self

    def space(self) -> Space:
        """The region to search, in declared units."""
        known = _categories(self.parameters)
        return Space(
            parameters=tuple(p.parameter() for p in self.parameters if not p.fixed),
            constraints=tuple(Constraint(text, parse(text, known)) for text in self.constraints),
            fixed={p.name: p.value for p in self.parameters if p.value is not None},
        )

    def targets(self, references: Mapping[str, float] | None = None) -> tuple[Target, ...]:
        """The targets; ``references`` gives the measured descriptors of :meth:`like_images`.

        Errors: :class:`models.errors.UnusableInput` when a reference is missing or not finite.
        """
        given = references or {}
        return tuple(target.target(given.get(target.descriptor)) for target in self.targets_)

    def like_images(self) -> dict[str, tuple[Path, ...]]:
        """Image files or folders that state a target, by descriptor."""
        return {target.descriptor: target.like for target in self.targets_ if target.like}

    def units(self) -> dict[str, str]:
        """Unit of each parameter, searched or fixed."""
        return {parameter.name: parameter.unit for parameter in self.parameters}

    def descriptors(self) -> tuple[str, ...]:
        """Names of the descriptors that have a target."""
        return tuple(target.descriptor for target in self.targets_)

    def view_of(self, descriptor: str) -> View:
        """The view at which a descriptor is measured. Errors: KeyError."""
        for view in self.imaging.views:
            if descriptor in view.descriptors:
                return view
        raise KeyError(descriptor)

    def broken_rules(self, conditions: Conditions) -> tuple[str, ...]:
        """What is wrong with conditions, one sentence each: names, bounds, categories, constraints."""
        names = {parameter.name for parameter in self.parameters}
        broken = [f"{name} is no parameter of this campaign." for name in conditions if name not in names]
        broken += [f"{name} is missing." for name in sorted(names - set(conditions))]
        for parameter in self.parameters:
            given = conditions.get(parameter.name)
            if given is not None and not parameter.allows(given):
                allowed = parameter.value or parameter.categories or parameter.bounds
                broken.append(f"{parameter.name} is {given} {parameter.unit}, which is not in {allowed}.")
        if not broken:
            rules = self.space().constraints
            broken = [
                f"The constraint {rule.text} does not hold." for rule in rules if not rule.holds(conditions)
            ]
        return tuple(broken)

    def to_json(self) -> str:
        """The whole campaign as JSON, to be stored beside what came of it."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The campaign in text that :meth:`to_json` wrote; files it names are not looked at again."""
        return cls.model_validate(json.loads(text))

    def digest(self) -> str:
        """SHA-256 of all that matters in the file; where it lies on disk does not."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"description"})
        content["lab"] = self.lab.name
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _categories(parameters: tuple[ParameterSpec, ...]) -> dict[str, tuple[str, ...]]:
    """What constraints may name: the categories of each parameter, ``()`` for numbers."""
    return {p.name: p.categories or ((p.value,) if isinstance(p.value, str) else ()) for p in parameters}


def _mappings(entries: object) -> list[tuple[int, dict[str, Any]]]:
    listed = enumerate(entries) if isinstance(entries, list) else ()
    return [(index, entry) for index, entry in listed if isinstance(entry, dict)]


def _repeated(section: str, key: str, entries: object) -> Iterator[InitErrorDetails]:
    seen: dict[str, int] = {}
    for index, entry in _mappings(entries):
        name = entry.get(key)
        if isinstance(name, str) and name in seen:
            got = f"{name!r} again (first in {section}[{seen[name]}])"
            yield detail((section, index, key), f"each {key} once", name, got=got)
        elif isinstance(name, str):
            seen[name] = index


def _constraint_faults(texts: object, parameters: list[dict[str, Any]]) -> Iterator[InitErrorDetails]:
    known: dict[str, tuple[str, ...]] = {}
    for parameter in parameters:
        categories, value = parameter.get("categories"), parameter.get("value")
        if isinstance(categories, list):
            known[parameter["name"]] = tuple(str(category) for category in categories)
        else:
            word = isinstance(value, str) and not is_numeric(value)
            known[parameter["name"]] = (str(value),) if word else ()
    for index, text in enumerate(texts if isinstance(texts, list) else ()):
        if isinstance(text, str):
            try:
                parse(text, known)
            except ExpressionError as failure:
                yield detail(("constraints", index), str(failure), text)


def _approval_faults(raw: Mapping[str, Any], folder: Path | None) -> Iterator[InitErrorDetails]:
    """No reactor of a real lab starts without anybody's approval."""
    approval, lab = raw.get("approval"), raw.get("lab")
    if folder is None or not isinstance(approval, dict) or approval.get("policy") != "never":
        return
    try:
        simulated = is_simulated(folder / lab) if isinstance(lab, str) else None
    except PydanticCustomError:  # the lab file's own fault is reported with `lab`
        return
    if simulated is False:
        expected = (
            "always, first_n or outside_trust_region: the lab is not simulated, so a person has to approve"
        )
        yield detail(("approval", "policy"), expected, "never")


def _view_faults(raw: Mapping[str, Any]) -> Iterator[InitErrorDetails]:
    """Every target is seen in some view; numbers of images are given for magnifications that exist."""
    imaging, optimiser = raw.get("imaging"), raw.get("optimiser")
    views = [view for _, view in _mappings(imaging.get("views"))] if isinstance(imaging, dict) else []
    lists = [view["descriptors"] for view in views if isinstance(view.get("descriptors"), list)]
    seen = {name for names in lists for name in names if isinstance(name, str)}
    for index, target in _mappings(raw.get("targets")):
        name = target.get("descriptor")
        if isinstance(name, str) and seen and name not in seen and is_known(name):
            expected = f"a descriptor measured in one of imaging.views ({', '.join(sorted(seen))})"
            yield detail(("targets", index, "descriptor"), expected, name)
    images = optimiser.get("images") if isinstance(optimiser, dict) else None
    # As text: the keys of a mapping that was stored as JSON are strings.
    magnifications = {str(view.get("magnification")) for view in views}
    for magnification in images if isinstance(images, dict) else ():
        if str(magnification) not in magnifications:
            expected = "a magnification of imaging.views"
            yield detail(("optimiser", "images", str(magnification)), expected, magnification)
