"""Stronger readers as plug-ins: any OpenAI-compatible endpoint, or a spaCy pipeline one has.

Nothing here runs unless it is asked for. The key comes from the environment and is never shown; the
text is sent as data; the answer is checked like any other
(:mod:`riskmap.incidents.articles.answers`).
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from riskmap.errors import InputError, OfflineError, ServiceError
from riskmap.incidents.articles.answers import RECORD_SCHEMA
from riskmap.settings import data_path, is_offline, read_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from riskmap.typing import Extractor

KEY_VARIABLE = "RISKMAP_EXTRACTOR_KEY"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_BYTES = 2_000_000
_MOST_TRIES = 3
#: Answers after which another try may help: too many requests, a server that is busy or restarts.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_PAUSE = 30.0
_FENCED = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)


@cache
def prompt() -> dict[str, str]:
    """Return what a model is told before it reads, and the version of it.

    Examples
    --------
    >>> prompt()["version"]
    '1'
    """
    return read_toml(data_path("extraction/prompt.toml"))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuse to follow: the key is for one host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing."""


@dataclass(frozen=True)
class ChatExtractor:
    """Reads texts with a language model behind an OpenAI-compatible endpoint.

    Parameters
    ----------
    url
        Base address, such as ``"https://host/v1"``; plain http is for this machine alone.
    model
        Name of the model.
    timeout
        Seconds to wait.
    budget
        Requests that may go out, tries again included.
    pause
        Seconds before a second try; twice as long before the third.

    Raises
    ------
    InputError
        When the address is no https address.

    Examples
    --------
    >>> ChatExtractor("http://localhost:8080/v1", model="local").model
    'local'
    """

    url: str
    model: str
    timeout: float = 60.0
    budget: int = 500
    pause: float = 1.0
    _spent: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse addresses over which a key or a text could be overheard."""
        parts = urlsplit(self.url)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.scheme == "https" or local) or not parts.hostname or parts.username:
            raise InputError("not an endpoint", met=self.url, expected="https://host/...")

    def __call__(self, text: str, *, published: date | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the records that the model answers with.

        Raises
        ------
        OfflineError
            When connections are forbidden.
        ServiceError
            When the endpoint can't be reached, refuses, answers no JSON of the schema after three
            tries, or when the budget is spent.
        """
        if is_offline():
            raise OfflineError("an extractor was asked for, and connections are forbidden")
        failure = ServiceError("the extractor was not asked")
        for number in range(_MOST_TRIES):
            if number:
                time.sleep(min(self.pause * 2 ** (number - 1), _LONGEST_PAUSE))
            try:
                return _read_answer(self._ask(text, published))
            except _PassingError as error:
                failure = ServiceError(str(error))
        raise failure

    def _ask(self, text: str, published: date | None) -> bytes:
        if len(self._spent) >= self.budget:
            raise ServiceError(f"the budget of {self.budget} requests is spent")
        self._spent.append("asked")
        request = self._request(text, published)
        try:
            with urllib.request.build_opener(_NoRedirect).open(
                request, timeout=self.timeout
            ) as answer:
                content: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            refusal = f"the extractor refused: status {error.code}"
            raise (_PassingError if error.code in _PASSING else ServiceError)(refusal) from None
        except (OSError, ValueError, HTTPException) as error:
            reason = f"the extractor can't be reached: {type(error).__name__}"
            raise _PassingError(reason) from None
        if len(content) > _MOST_BYTES:
            raise ServiceError(f"the extractor answered more than {_MOST_BYTES} bytes")
        return content

    def _request(self, text: str, published: date | None) -> urllib.request.Request:
        report = {"report": text, "published": published.isoformat() if published else None}
        body = {
            "model": self.model,
            "temperature": 0,
            "seed": 0,
            "messages": [
                {"role": "system", "content": prompt()["system"]},
                {"role": "user", "content": json.dumps(report, ensure_ascii=False)},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "incidents", "strict": True, "schema": RECORD_SCHEMA},
            },
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return urllib.request.Request(  # noqa: S310 - the scheme is checked when made
            self.url.rstrip("/") + "/chat/completions", json.dumps(body).encode(), headers
        )


class _PassingError(Exception):
    """A failure after which another try may help."""


def _read_answer(content: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the records of an answer."""
    try:
        told = json.loads(content)["choices"][0]["message"]["content"]
        fenced = _FENCED.fullmatch(told)
        records = json.loads(fenced[1] if fenced else told)["incidents"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise _PassingError(
            f"the extractor answered no JSON of the schema: {type(error).__name__}"
        ) from error
    if not isinstance(records, list):
        raise _PassingError("the extractor answered no list of incidents")
    return records


def find_reader(name: str, *, model: str | None = None, budget: int = 500) -> Extractor:
    """Return the reader that a name stands for: an endpoint's address, or ``MODULE:FUNCTION``.

    Parameters
    ----------
    name
        Address of an OpenAI-compatible endpoint (llama.cpp, vLLM, Ollama, a cloud's), or a function
        of a module that can be imported from here.
    model
        Name of the model behind an address.
    budget
        Requests that may go out to an address.

    Raises
    ------
    InputError
        When there is no such function, or an address comes without a model.

    Examples
    --------
    >>> find_reader("http://localhost:8080/v1", model="local").model
    'local'
    """
    if "://" in name:
        if not model:
            raise InputError("an endpoint needs a model", met=name, expected="model=")
        return ChatExtractor(name, model, budget=budget)
    module, colon, function = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        reader = getattr(importlib.import_module(module), function) if colon and module else None
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError("no such reader", met=name, expected="URL or MODULE:FUNCTION") from error
    finally:
        sys.path.remove(here)
    if not callable(reader):
        raise InputError("no reader", met=name, expected="URL or MODULE:FUNCTION")
    return cast("Extractor", reader)


@dataclass(frozen=True)
class EntityExtractor:
    """Adds the places that a spaCy pipeline finds to records that lack one.

    Parameters
    ----------
    pipeline
        What ``spacy.load`` returned: a callable whose answer has ``ents`` with ``text``, ``label_``
        and ``start_char``.
    base
        The reader whose records are completed.
    """

    pipeline: Callable[[str], Any]
    base: Callable[..., Sequence[Mapping[str, Any]]]

    def __call__(self, text: str, *, published: date | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the records of the base, with the nearest place after their words added."""
        places = [e for e in self.pipeline(text).ents if e.label_ in ("GPE", "LOC", "FAC")]
        found = []
        for record in self.base(text, published=published):
            quotes = [item["quote"] for item in record.get("evidence", [])]
            start = min((text.find(q) for q in quotes if q in text), default=0)
            near = next((e for e in places if e.start_char >= start), None)
            if near is None or any(record.get(name) for name in ("place", "admin2", "admin1")):
                found.append(record)
                continue
            added = {"field": "place", "quote": near.text}
            found.append(
                {**record, "place": near.text, "evidence": [*record.get("evidence", []), added]}
            )
        return found
