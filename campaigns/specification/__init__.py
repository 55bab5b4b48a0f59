"""The campaign file: what is searched, what is wanted, how it is looked at, and who has to agree.

``load(path) -> Campaign`` reads a YAML file; everything wrong with it comes at once, in one
:class:`CampaignFileError`. A :class:`Campaign` is frozen; all quantities in it are in declared units.

====================================  =========================================================
``campaign.space()``                  :class:`models.values.Space` of the searched parameters
``campaign.targets(references)``      :class:`models.values.Target` for each descriptor
``campaign.like_images()``            reference images, by descriptor, to measure for ``references``
``campaign.units()``                  unit of each parameter
``campaign.descriptors()``            names of the target descriptors
``campaign.view_of(descriptor)``      the view (magnification) that shows a descriptor
``campaign.digest()``                 changes when anything that matters in the file changes
``campaign.approval.required(…)``      whether a person has to approve that experiment
====================================  =========================================================

``Campaign.model_json_schema()`` describes the file to editors.
"""

from campaigns.specification.campaign import Campaign
from campaigns.specification.expressions import Expression
from campaigns.specification.faults import CampaignFileError, Fault
from campaigns.specification.file import load
from campaigns.specification.imaging import FieldRange, Imaging, View
from campaigns.specification.parameters import ParameterSpec
from campaigns.specification.policies import (
    Approval,
    Budget,
    FineTune,
    Gate,
    Learning,
    Model,
    Optimiser,
    Stopping,
)
from campaigns.specification.targets import TargetSpec

__all__ = [
    "Approval",
    "Budget",
    "Campaign",
    "CampaignFileError",
    "Expression",
    "Fault",
    "FieldRange",
    "FineTune",
    "Gate",
    "Imaging",
    "Learning",
    "Model",
    "Optimiser",
    "ParameterSpec",
    "Stopping",
    "TargetSpec",
    "View",
    "load",
]
