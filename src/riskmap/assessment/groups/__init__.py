"""Worker groups: who it is about, where they are, and what their part of the risk is."""

from riskmap.assessment.groups.layers import add_group
from riskmap.assessment.groups.whereabouts import Presence, Route, Site
from riskmap.assessment.groups.workers import LOCAL, RELEVANCE, WorkerGroup

__all__ = ["LOCAL", "RELEVANCE", "Presence", "Route", "Site", "WorkerGroup", "add_group"]
