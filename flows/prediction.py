"""The predictor of a campaign: which version of the generator it is on, and how that predicts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from campaigns.specification.policies import CURRENT
from flows.worker import Worker
from models.inverse.generated import GeneratorPredictor

if TYPE_CHECKING:
    from models.generator import Generator


def generator_version(worker: Worker) -> str | None:
    """The version that the campaign is on: promoted last within it, else the one it began with; None: none.

    A campaign stays on its own line of versions: what others promote meanwhile does not change it.
    """
    asked = worker.campaign.model.generator
    if asked is None:
        return None
    uses = worker.ledger.model_uses(worker.campaign_id)
    promoted = [use.version for use in uses if use.action == "promoted"]
    if promoted:
        return promoted[-1]
    began = [use.version for use in uses if use.action == "proposed"]
    if began:
        return began[0]
    from models.generator.registry import locate

    return locate(None if asked == CURRENT else asked, worker.home).name


def load_generator(worker: Worker) -> "Generator | None":
    """The generator that the campaign is on, checked and ready; None for a campaign without one."""
    version = generator_version(worker)
    if version is None:
        return None
    # Brings in torch, which a campaign without a generator does without.
    from models.generator import load
    from models.generator.registry import locate

    return load(locate(version, worker.home))


def predictor(worker: Worker, generator: "Generator | None") -> GeneratorPredictor | None:
    """The generator as a predictor of the campaign's descriptors that it can show."""
    if generator is None:
        return None
    shown = set(generator.schema.descriptors)
    wanted = [name for name in worker.campaign.descriptors() if name in shown]
    images: Mapping[int, int] = {
        view.magnification: worker.campaign.optimiser.images_at(view.magnification)
        for view in worker.campaign.imaging.views
    }
    # One seed for the whole campaign: predictions of different experiments can be compared.
    return GeneratorPredictor(generator, wanted, images=images, seed=worker.seed(0, "predict"))
