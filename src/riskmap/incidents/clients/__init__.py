"""Clients: incidents from the services that publish them, as the same table that files give.

One file a service (UCDP, ACLED, HDX HAPI, ReliefWeb) with what it is asked and what it answers, and
one way to the network for all of them.
"""

from riskmap.incidents.clients.fetches import (
    CLIENTS,
    Fetched,
    fetch_incidents,
    fetch_rows,
    find_client,
    read_fetched,
    withdraw_incidents,
)
from riskmap.incidents.clients.queries import Client, Pace, Query
from riskmap.incidents.clients.transports import Session

__all__ = [
    "CLIENTS",
    "Client",
    "Fetched",
    "Pace",
    "Query",
    "Session",
    "fetch_incidents",
    "fetch_rows",
    "find_client",
    "read_fetched",
    "withdraw_incidents",
]
