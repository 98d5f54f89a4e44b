"""Write the invented log of docs/incidents.md, as messy as desks keep them, as XLSX and as CSV.

    python examples/make_desk_log.py examples/data

Nothing in it is true: Qandara is the invented country of ``riskmap.datasets``.
"""

import csv
import sys
from datetime import date, datetime
from pathlib import Path

import openpyxl

TITLES = ("Security log - Qandara field office", "INTERNAL  updated 31.01.2025")
HEADER = (
    ("No.", "Date", "Location", "", "", "Event", "Casualties", "", "Remarks"),
    ("", "", "Province", "District", "Village", "type", "Killed", "Injured", ""),
)
MERGED = ("C4:E4", "G4:H4")
ROWS = (
    ("14/02/2023", "Ambrel", "Ashkor", "", "shooting", 2, 1, "police post attacked"),
    (date(2023, 3, 27), "Velmar", "Kelda", "", "IED", "1", "several", ""),
    ("19/04/2023", "Velmar", "Kelda", "old bridge", "ambush", "3-4", 2, "army convoy"),
    ("5 May 2023", "Dostan", "Calmez", "", "armed clash", "5+", "", "two militias"),
    ("02.06.2023", "Velmar", "Lomar", "", "roadside bomb", 0, "2", "local contractor's truck"),
    (45115, "Velmar", "Kelda", "market", "explosion", "ca. 10", "~20", "crowded market"),
    ("22/08/2023", "Ambrel", "Berin", "", "kidnapping", "", "", "a teacher, freed after 3 days"),
    ("3-5 Sep 2023", "Velmar", "Zarin", "", "armed attack", "2", "4", "village raided at night"),
    ("12/10/2023", "Dostan", "Jorvel", "", "shooting", "1", 0, "shopkeeper"),
    (date(2023, 10, 30), "Velmar", "Kelda", "", "IED", 2, 3, "police vehicle"),
    ("Nov 2023", "Velmar", "", "", "threat letter", "", "", "to several mining companies"),
    (
        "18/11/2023",
        "Velmar",
        "Kelda",
        "gold mine",
        "armed attack",
        3,
        "2",
        "guards of the mine",
    ),
    ("07 January 2024", "Ambrel", "Ashkor", "", "mortar fire", "1", "several", ""),
    ("23/01/2024", "Velmar", "Lomar", "", "ambush", "4", "1", "two Chinese engineers wounded"),
    ("9/2/2024", "Dostan", "Calmez", "", "armed clash", "several", "", ""),
    (45350, "Velmar", "Kelda", "", "IED", "0", "0", "found and defused"),
    ("21.03.2024", "Velmar", "Zarin", "", "shooting", "2", "", "tribal elder and his son"),
    ("15/04/2024", "Ambrel", "Berin", "", "armed attack", 1, 1, ""),
    (date(2024, 5, 19), "Velmar", "Kelda", "camp road", "ambush", "2-3", "5", "supply convoy"),
    ("6/6/2024", "Velmar", "Lomar", "", "kidnapping", "", "", "3 drivers taken, all nationals"),
    ("25/06/2024", "Dostan", "Jorvel", "", "explosion", "ca. 5", "10+", "fuel depot"),
    ("Jul 2024", "Ambrel", "", "", "armed attack", "2", "", "reported late"),
    ("17/07/2024", "Velmar", "Kelda", "gold mine", "shooting", "1", "", "Chinese miner killed"),
    ("29.08.2024", "Velmar", "Kelda", "", "IED", "3", "2", "army"),
    ("11/9/2024", "Velmar", "Zarin", "", "armed attack", "more than 5", "several", ""),
    (45560, "Ambrel", "Ashkor", "", "shooting", 1, 0, "guard"),
    ("14/10/2024", "Velmar", "Lomar", "", "roadside bomb", "2", "1", "police vehicle"),
    ("28 Oct 2024", "Velmar", "Kelda", "", "complex attack", "6", "18", "district office"),
    ("3/11/2024", "Dostan", "Calmez", "", "shooting", "1", "?", ""),
    (date(2024, 11, 28), "Velmar", "Kelda", "", "armed clash", "5+", "several", "near the mine"),
    ("3/12/2024", "Velmar", "Kelda", "", "IED", "3-4", "2", "police vehicle"),
    ("12 Dec 2024", "Velmar", "Lomar", "hotel", "complex attack", 3, "18", "foreign guests hurt"),
    ("28 Dec - 2 Jan 2025", "Velmar", "Kelda", "", "kidnapping", "", "", "two Chinese surveyors"),
    ("13/01/2025", "Ambrel", "Berin", "", "armed attack", "1", "2", ""),
    ("21.01.2025", "Velmar", "Kelda", "mine camp", "shooting", "1", 0, "Chinese miner shot dead"),
    ("after new year", "Velmar", "Zarin", "", "explosion", "several", "", "day not known yet"),
)
TOTAL = ("", "TOTAL", "", "", "", "", "100+", "", "")


def table() -> list[tuple[object, ...]]:
    """Return all rows of the sheet, the titles and the header among them."""
    width = len(HEADER[0])
    titles = [(title, *[""] * (width - 1)) for title in TITLES]
    rows = [(number, *row) for number, row in enumerate(ROWS, start=1)]
    return [*titles, ("",) * width, *HEADER, *rows, TOTAL]


def write_book(path: Path) -> None:
    """Write the log as a workbook with real date cells and a second sheet of contacts."""
    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = datetime(2025, 1, 31)  # noqa: DTZ001
    sheet = book.active
    sheet.title = "Log"
    for row in table():
        sheet.append([None if cell == "" else cell for cell in row])
    for cells in MERGED:
        sheet.merge_cells(cells)
    contacts = book.create_sheet("Contacts")
    for row in (("Name", "Role", "Phone"), ("A. Person", "duty officer", "000 000")):
        contacts.append(row)
    book.save(path)


def write_text(path: Path) -> None:
    """Write the log as a table program of another country saves it: semicolons, Windows-1252."""
    with path.open("w", encoding="cp1252", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\r\n").writerows(table())


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_book(folder / "desk_log.xlsx")
    write_text(folder / "desk_log.csv")
