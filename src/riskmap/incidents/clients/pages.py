"""Pages of a fetch that did not finish, kept so that the next try goes on behind them.

A page is written beside its place and moved there, so that it is whole or absent whenever a process
is killed. Pages hold records and the next question, and nothing that signs it. They are dropped
when the fetch has finished, and when they are so old that the service may answer otherwise.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from riskmap.incidents.clients.queries import Page, Question
from riskmap.settings import cache_folder

if TYPE_CHECKING:
    from riskmap.incidents.clients.queries import Client, Query

#: Seconds for which pages of an unfinished fetch are gone on from.
FRESH = 86_400.0


class PageStore:
    """The pages of one query to one service.

    Parameters
    ----------
    folder
        Where they stand; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, client: Client, query: Query) -> PageStore:
        """Return the store of a query in the cache folder."""
        asked = orjson.dumps(
            {"api": client.service.api, **query.as_dict()}, option=orjson.OPT_SORT_KEYS
        )
        digest = hashlib.sha256(asked).hexdigest()[:16]
        return cls(cache_folder() / "incidents" / f"{client.name}-{digest}")

    def path(self, number: int) -> Path:
        """Return where a page stands."""
        return self.folder / f"page-{number:05d}.json"

    def read(self, number: int) -> tuple[Page, str | None] | None:
        """Return a page and when the service gave it; None when it is absent, old or spoilt."""
        path = self.path(number)
        try:
            if time.time() - path.stat().st_mtime > FRESH:
                return None
            content = orjson.loads(path.read_bytes())
            following = content["following"]
            page = Page(
                records=content["records"],
                following=None if following is None else _question(following),
                total=content["total"],
            )
            return page, content["answered"]
        except (OSError, KeyError, TypeError, ValueError):
            return None

    def write(self, number: int, content: bytes) -> None:
        """Keep a page, all at once; the ones behind it are of another time and go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        later = self.path(number + 1)
        while later.exists():
            later.unlink()
            later = later.with_name(f"page-{int(later.stem[5:]) + 1:05d}.json")
        handle, draft = tempfile.mkstemp(dir=self.folder, prefix="draft-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(self.path(number))

    def drop(self) -> None:
        """Forget every page."""
        shutil.rmtree(self.folder, ignore_errors=True)


def encode_page(page: Page, answered: str | None) -> bytes:
    """Return a page as it is kept."""
    following = page.following
    return orjson.dumps(
        {
            "answered": answered,
            "total": page.total,
            "following": None
            if following is None
            else {
                "url": following.url,
                "params": dict(following.params),
                "body": None if following.body is None else following.body.decode(),
                "kind": following.kind,
            },
            "records": page.records,
        }
    )


def _question(kept: dict[str, str | None]) -> Question:
    body = kept["body"]
    return Question(**{**kept, "body": None if body is None else body.encode()})  # type: ignore[arg-type]
