"""Remake country_names.csv from the CLDR: ``pip install babel``, then run this file."""

from __future__ import annotations

import csv
from pathlib import Path

from babel import Locale

from riskmap.countries import table

LANGUAGES = ("ar", "es", "fr", "pt", "ru", "zh")

if __name__ == "__main__":
    names = {language: Locale(language).territories for language in LANGUAGES}
    path = Path(__file__).with_name("country_names.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["iso3", *LANGUAGES])
        for iso3, country in table().items():
            writer.writerow([iso3, *(names[language][country.iso2] for language in LANGUAGES)])
