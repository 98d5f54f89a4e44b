"""What the machine offers."""

from __future__ import annotations

import typer

from riskmap.cli.common import (
    Json,
    show,
)


def doctor(*, as_json: Json = False) -> None:
    """Check what riskmap needs and what it can use; exit 1 when something needed is missing."""
    from riskmap.doctors import examine

    checks = examine()
    ok = all(check["ok"] for check in checks if check["needed"])
    lines = (
        f"{'ok ' if check['ok'] else '-- ' if not check['needed'] else 'NO '} "
        f"{check['name']}: {check['found']}"
        for check in checks
    )
    show({"ok": ok, "checks": checks}, lines, as_json=as_json)
    if not ok:
        raise typer.Exit(1)
