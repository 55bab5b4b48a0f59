"""People: who may act in a lab, how they prove who they are, and what they did.

``People.open(home)`` brings their database to the newest schema; it is one for simulated and real labs.

=========  ==================================================================================================
directory  ``add`` · ``people`` · ``person`` · ``set_role`` · ``set_password`` · ``set_disabled``
tokens     ``add_token`` (shown once) · ``tokens`` · ``revoke_token`` · ``by_token``
sign-in    ``by_password`` · ``by_proxy`` → :class:`Person`
sessions   ``open_session`` · ``by_session`` · ``close_session``
events     ``note``: acts that no campaign's history tells, chained as histories are
=========  ==================================================================================================

A :class:`Person` has a :class:`Role`; ``person.require(Act.…)`` is asked before anything is done for them.
What people decide in a ledger is in :mod:`campaigns.people.deciding`.
"""

from campaigns.people.directory import PersonRecord
from campaigns.people.errors import NoSuchPerson, NotAllowed, SignInRefused, TooManyAttempts
from campaigns.people.events import Event
from campaigns.people.people import People, people_location
from campaigns.people.roles import MAY, Act, Person, Role
from campaigns.people.sessions import SessionRecord
from campaigns.people.tokens import TokenRecord

__all__ = [
    "MAY",
    "Act",
    "Event",
    "NoSuchPerson",
    "NotAllowed",
    "People",
    "Person",
    "PersonRecord",
    "Role",
    "SessionRecord",
    "SignInRefused",
    "TokenRecord",
    "TooManyAttempts",
    "people_location",
]
