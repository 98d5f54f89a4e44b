"""An invented country with invented incidents, for documentation, tests and first steps.

Qandara lies in the open sea south of the Gulf of Guinea, so that nothing invented here can be
mistaken for a fact about a real place. Its country code ``XQA`` is among those that ISO 3166
leaves to users.
"""

from riskmap.datasets.qandara import COUNTRY, ISO3, incidents, regions
from riskmap.datasets.simulations import SCOPES, scenario, simulate_counts

__all__ = ["COUNTRY", "ISO3", "SCOPES", "incidents", "regions", "scenario", "simulate_counts"]
