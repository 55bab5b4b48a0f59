"""The ledger: every step of every experiment, moved by compare-and-swap; the one place where truth lives.

``Ledger.open(path_or_url, simulated=…)`` brings the database to the newest schema. What a ledger gives
back are frozen records (:mod:`campaigns.ledger.records`).

===========  ===============================================================================================
campaigns    ``start_campaign`` · ``resumable`` · ``campaign`` · ``campaigns`` · ``set_status`` ·
             ``add_time`` · ``set_report`` · ``history`` · ``status``, the object of ``dry-run --json``
leases       ``acquire_lease`` · ``renew_lease`` · ``release_lease``: two workers never drive one campaign
devices      ``queue`` · ``take`` · ``give_back`` · ``device_leases``: one experiment has a device at a time
experiments  ``propose`` · ``experiment`` · ``experiments`` ·
             ``transition(id, from, to, author=, reason=, **facts)`` ·
             ``mint_dispatch_key``: approved → dispatching, committed before anything moves
approvals    ``shown`` · ``approve`` · ``reject`` · ``edit``, then ``foresee`` · ``check_approval`` ·
             ``approvals`` · ``waiting_for_approval``
audit        ``audit`` · ``verify_chain``: each row of the history hashes the one before it
evidence     ``record_predictions`` · ``record_micrographs`` · ``record_measurements`` · ``record_model_use``;
             ``predictions`` · ``micrographs`` · ``measurements`` · ``model_uses``
transaction  ``with ledger.together(): …`` makes several of these one transaction
===========  ===============================================================================================

States: proposed → approved → dispatching → synthesised → imaged → quantified → accepted → learned;
quantified → imaged for more fields; rejected, aborted, failed; unknown when nobody can tell whether the
reactor ran.
"""

from campaigns.ledger.audit import AuditEntry, AuditFilter, ChainCheck
from campaigns.ledger.engine import revisions
from campaigns.ledger.errors import (
    ApprovalInvalid,
    IllegalTransition,
    LeaseHeld,
    LeaseLost,
    LedgerError,
    NotFound,
    StaleTransition,
)
from campaigns.ledger.ledger import Ledger, has_ledger, ledger_location, ledger_path, ledgers
from campaigns.ledger.records import (
    ApprovalRecord,
    CampaignRecord,
    DeviceLease,
    ExperimentRecord,
    HistoryRecord,
    Lease,
    Measurement,
    Micrograph,
    ModelUse,
    Prediction,
)
from campaigns.ledger.states import (
    FINAL_STATES,
    FINAL_STATUSES,
    LEGAL,
    LEGAL_STATUS,
    CampaignState,
    State,
)
from campaigns.ledger.status import (
    CampaignStatus,
    IterationStatus,
    MeasuredValue,
    PredictedValue,
    WantedValue,
)

__all__ = [
    "FINAL_STATES",
    "FINAL_STATUSES",
    "LEGAL",
    "LEGAL_STATUS",
    "ApprovalInvalid",
    "ApprovalRecord",
    "AuditEntry",
    "AuditFilter",
    "CampaignRecord",
    "CampaignState",
    "CampaignStatus",
    "ChainCheck",
    "DeviceLease",
    "ExperimentRecord",
    "HistoryRecord",
    "IllegalTransition",
    "IterationStatus",
    "Lease",
    "LeaseHeld",
    "LeaseLost",
    "Ledger",
    "LedgerError",
    "MeasuredValue",
    "Measurement",
    "Micrograph",
    "ModelUse",
    "NotFound",
    "PredictedValue",
    "Prediction",
    "StaleTransition",
    "State",
    "WantedValue",
    "has_ledger",
    "ledger_location",
    "ledger_path",
    "ledgers",
    "revisions",
]
