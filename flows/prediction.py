"""The predictor of a campaign: which version of the generator it is on, and how that predicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.ledger import ModelUse
from campaigns.specification.policies import CURRENT
from flows.scale_out import SpreadPredictor, scheduler
from flows.worker import Worker
from models.inverse.generated import GeneratorPredictor

if TYPE_CHECKING:
    from models.generator import Generator


def generator_version(worker: Worker) -> str | None:
    """The version that the campaign is on: promoted or adopted last within it, else the one it began with.

    A campaign stays on its own line of versions: what others promote meanwhile does not change it, unless
    its file asks to follow the current one (:func:`follow`). None: it has no generator.
    """
    asked = worker.campaign.model.generator
    if asked is None:
        return None
    uses = worker.ledger.model_uses(worker.campaign_id)
    line = [use.version for use in uses if use.action in ("promoted", "adopted")]
    if line:
        return line[-1]
    began = [use.version for use in uses if use.action == "proposed"]
    if began:
        return began[0]
    from models.generator.registry import locate

    return locate(None if asked == CURRENT else asked, worker.home).name


def follow(worker: Worker) -> None:
    """Between two experiments, adopt the version that became current, where the campaign asks for it."""
    if not worker.campaign.learning.follow_current:
        return
    from models.generator.manifest import read_record
    from models.generator.registry import current, locate

    before, now = generator_version(worker), current(worker.home)
    if now is None or now == before:
        return
    inputs, known = (read_record(locate(name, worker.home)).inputs for name in (now, before))
    if (inputs.material, inputs.magnifications.keys()) != (known.material, known.magnifications.keys()):
        worker.tell("model", f"{now} became current, but shows {inputs.material}; going on with {before}")
        return
    reason = f"{now} became current outside of this campaign, which was on {before}"
    worker.ledger.record_model_use(
        worker.campaign_id, ModelUse(now, "adopted", parent=before or "", reason=reason)
    )
    worker.tell("model", reason)


@dataclass(frozen=True)
class Imagination:
    """A generator and the predictor made of it."""

    generator: "Generator"
    predictor: GeneratorPredictor


def imagination(worker: Worker) -> Imagination | None:
    """The generator that the campaign is on, checked and ready, as a predictor; None for a campaign without.

    It is kept for the next experiment of the same worker: what was predicted once needs no images again.
    """
    version = generator_version(worker)
    if version is None:
        return None
    known = worker.imagination.get(version)
    if known is None:
        # Brings in torch, which a campaign without a generator does without.
        from models.generator import load
        from models.generator.registry import locate

        folder = locate(version, worker.home)
        generator = load(folder)
        known = Imagination(generator, _predictor(worker, generator, folder))
        worker.imagination.clear()  # one version in memory is enough
        worker.imagination[version] = known
    return known


def _predictor(worker: Worker, generator: "Generator", folder: Path) -> GeneratorPredictor:
    """Predicts those of the campaign's descriptors that the generator can show; on Dask if there is one."""
    shown = set(generator.schema.descriptors)
    wanted = [name for name in worker.campaign.descriptors() if name in shown]
    images: Mapping[int, int] = {
        view.magnification: worker.campaign.optimiser.images_at(view.magnification)
        for view in worker.campaign.imaging.views
    }
    # One seed for the whole campaign: predictions of different experiments can be compared, and kept.
    seed, address = worker.seed(0, "predict"), scheduler()
    if address is None:
        return GeneratorPredictor(generator, wanted, images=images, seed=seed)
    return SpreadPredictor(generator, wanted, images=images, seed=seed, folder=folder, address=address)
