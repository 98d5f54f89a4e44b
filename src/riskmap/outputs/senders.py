"""Senders: who an alert is of, and what has been sent before.

What was sent is what stands in the sets of a folder: an alert refers to the one before, and a feed
keeps the entries that still stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING, Self

from riskmap.errors import InputError
from riskmap.outputs.wordings import codes_in, display, nationals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from riskmap.assessment.layers import RiskLayer

_LINK = re.compile(r"https?://[^\s<>\"]+")
_ADDRESS = re.compile(r"([^\s,<>&\"@]+@)?[\w-]+(\.[\w-]+)+")
#: Countries that a stream is named by; of more their number is.
_NAMED = 5


@dataclass(frozen=True)
class Sender:
    """Who an alert is of.

    Parameters
    ----------
    address
        An address or domain of the organisation's own, so that no two senders are alike.
    name
        What people call it.
    contact
        Where a reader asks back.
    link
        Where the newest set is read, such as ``"https://desk.example.org/risk/latest/"``.
    """

    address: str
    name: str
    contact: str = ""
    link: str = ""

    @classmethod
    def parse(
        cls, sender: str | Self | None, contact: str | None = None, link: str | None = None
    ) -> Self | None:
        """Return the sender that a text says, or None for none.

        Parameters
        ----------
        sender
            ``"Example Mining Security <alerts@example.org>"``, ``"alerts@example.org"`` or
            ``"example.org"``; a sender is returned as it is.
        contact
            Such as a number of telephone.
        link
            Where the newest set is read.

        Raises
        ------
        InputError
            When it is neither an address nor a domain, or the link is none.

        Examples
        --------
        >>> Sender.parse("Security desk <alerts@example.org>", "+1 555 0100")
        Sender(address='alerts@example.org', name='Security desk', contact='+1 555 0100', link='')
        """
        if not isinstance(sender, str):
            return sender
        if link and not _LINK.fullmatch(link):
            raise InputError(
                "no link to a set",
                column="link",
                met=link,
                expected="an address such as 'https://desk.example.org/risk/latest/'",
            )
        name, address = parseaddr(sender)
        if not _ADDRESS.fullmatch(address):
            raise InputError(
                "no sender of an alert",
                column="sender",
                met=sender,
                expected="an address or a domain of your own, such as 'Desk <alerts@example.org>'",
            )
        base = f"{link.removesuffix('/')}/" if link else ""
        return cls(address, display(name) or address, display(contact), base)


def stream_of(layer: RiskLayer, sender: Sender) -> str:
    """Return what all alerts of a sender on one thing have in common.

    Countries, level of the regions, layer, group, and whether it is for everybody. No character is
    in it that CAP refuses in an identifier.
    """
    codes = sorted(layer.regions["iso3"].dropna().unique())
    depth = "-".join(
        f"adm{level}" for level in sorted(layer.regions["adm_level"].dropna().unique())
    )
    area = "-".join(codes) if len(codes) <= _NAMED else f"{len(codes)}-countries"
    group = layer.context.group if layer.headline == "group" else ""
    audience = "public" if layer.context.is_public else "private"
    parts = (sender.address, area, depth, layer.headline, group, audience)
    return ":".join(re.sub(r"[^\w@.-]+", "-", display(part)) or "-" for part in parts)


def group_words(layer: RiskLayer, words: Mapping[str, Any]) -> str:
    """Return who a layer is about in the words of a catalogue.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.outputs.catalogues import catalogue
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, group="CHN/mining", as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> group_words(layer, catalogue("en"))
    'Chinese nationals in mining'
    """
    named = name_group(layer, words) if layer.headline == "group" else ""
    return named or str(words["alert"]["whom"][layer.headline])


def name_group(layer: RiskLayer, words: Mapping[str, Any]) -> str:
    """Return the stated group of a layer as people call it; empty without one."""
    people, _, sector = (layer.context.group or "").partition("/")
    if not people + sector:
        return ""
    named = nationals(";".join(codes_in(people.replace(",", ";"))), words)
    named = named or words["alert"]["whom"]["foreign"]
    work = words["sectors"].get(sector, display(sector))
    return str(words["who_in"].format(people=named, sector=work) if work else named)


def list_sets(out: Path) -> list[Path]:
    """Return the sets of a folder by their days, of one day by when they were published."""
    sets = [path.parent for path in out.glob("[0-9]*-*/manifest.json")]
    return sorted(sets, key=lambda one: (one.name[:10], one.stat().st_mtime_ns, one.name))


def find_sent(out: Path | None, name: str, day: str) -> Iterator[bytes]:
    """Yield the files of a name in the sets of a folder, up to a day, the last one first."""
    for folder in reversed([] if out is None else list_sets(out)):
        path = folder / name
        if folder.name[:10] <= day and path.is_file():
            yield path.read_bytes()
