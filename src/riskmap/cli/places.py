"""Boundaries and place names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskmap.cli.common import (
    Incidents,
    Json,
    Regions,
    as_rows,
    load_incidents,
    load_regions,
    say,
    show,
)


def get_regions(
    iso3: Annotated[str, typer.Argument(help="ISO 3166-1 alpha-3 code such as AFG.")],
    level: Annotated[int, typer.Option(help="0 country, 1 province, 2 district ...")] = 1,
    out: Annotated[Path | None, typer.Option(help="File: .geojson, .fgb or .gpkg.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Fetch the regions of a country, keep them for offline use, and name their licence."""
    import riskmap as rm

    say(f"fetching {iso3} level {level}")
    regions = rm.read_regions(iso3, level=level)
    if out is not None:
        regions.to_file(out)
    first = regions.iloc[0]
    keys = ("boundary_source", "boundary_version", "boundary_licence")
    result = {
        "iso3": iso3,
        "level": level,
        "regions": len(regions),
        **{key: first[key] for key in keys},
        "out": None if out is None else str(out),
    }
    show(result, (f"{key}: {value}" for key, value in result.items()), as_json=as_json)


def audit_regions(
    file: Annotated[Path, typer.Argument(help="File of polygons.")], *, as_json: Json = False
) -> None:
    """Report invalid rings, overlaps, gaps, slivers, double ids and names, and where."""
    import riskmap as rm

    report = rm.audit_regions(file)
    findings = as_rows(report.findings)
    result = {"file": file.name, "clean": report.is_clean, "findings": findings}
    show(result, iter(str(report).splitlines()), as_json=as_json)


def geocode(
    incidents: Incidents,
    regions: Regions,
    user_agent: Annotated[
        str | None, typer.Option(help="Ask Nominatim too, as this application.")
    ] = None,
    budget: Annotated[int, typer.Option(help="Requests that may go out.")] = 1000,
    *,
    dry_run: Annotated[bool, typer.Option(help="Only say how many requests would go.")] = False,
    as_json: Json = False,
) -> None:
    """Find the region of each incident by name: offline, and by Nominatim where you ask for it."""
    from geopy.geocoders import Nominatim

    import riskmap as rm
    from riskmap.places.geocode_services import GeocodeCache
    from riskmap.places.geocoders import count_requests
    from riskmap.settings import cache_folder

    table, places = load_incidents(incidents), load_regions(regions)
    gazetteer, service = rm.Gazetteer.from_regions(places), None
    if user_agent is not None:
        cache_folder().mkdir(parents=True, exist_ok=True)
        cache = GeocodeCache(cache_folder() / "geocodes.sqlite")
        asked = Nominatim(user_agent=user_agent)
        service = rm.GeocodeService(asked, places, cache=cache, budget=budget)
    if dry_run:
        n = 0 if service is None else count_requests(table, gazetteer, service=service)
        show({"requests": n}, iter([f"{n} requests would go out"]), as_json=as_json)
        return
    found = rm.geocode(table, gazetteer, service=service)
    counts = {str(k): int(n) for k, n in found["status"].value_counts().sort_index().items()}
    rows = as_rows(found.assign(incident_id=table["incident_id"]))
    lines = (f"{status}: {n}" for status, n in counts.items())
    show({"status": counts, "places": rows}, lines, as_json=as_json)
