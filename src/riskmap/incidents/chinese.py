"""Who was hit, in a Chinese text of the usual form: 中国公民一人遇害, 中资企业遭袭."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.countries import find_country, translated_names

if TYPE_CHECKING:
    from collections.abc import Iterator

_HAN = re.compile(r"[\u4e00-\u9fff]")
_HIT = re.compile(
    "遇害|死亡|身亡|丧生|遇难|受伤|绑架|被杀|被害|枪杀|劫持|失踪|中枪|爆炸|抢劫|打死|袭"
)
#: What says that nobody was hit, before people and behind them.
_NONE_BEFORE = re.compile(r"(?:没有|[无未非]|未造成)\w{0,3}$")
_NONE = re.compile(r"(?:均|都|全部)?(?:无伤亡|未受|没有受|没受|安全|平安|无恙|无一)")
#: What is theirs.
_THEIRS = re.compile(
    r"中资|中企|中国(?:企业|公司|项目|工地|矿\w{0,2}|营地|商[铺店人]|超市|餐馆|饭店|工厂|油田|电站)"
    r"|外资企业|外国公司"
)
#: Traditional signs of these words, and the simplified ones, one for one.
_SIMPLIFIED = str.maketrans(
    "國員殺傷襲綁華資業礦兩個蹤亡師車隊營槍劫僑", "国员杀伤袭绑华资业矿两个踪亡师车队营枪劫侨"
)
_DIGITS = "一二三四五六七八九十"


def chinese_people(text: str) -> Iterator[tuple[str | None, int | None, str, int, bool]]:
    """Yield people of a nationality in a Chinese text.

    Yields
    ------
    tuple
        Their nationality, None for foreign people; how many, None where the text does not say; the
        phrase; where it starts; and whether the text says that somebody was hit.

    Examples
    --------
    >>> list(chinese_people("两名华人被枪杀"))
    [('CHN', 2, '两名华人', 0, True)]
    >>> list(chinese_people("暂无中国公民伤亡"))
    []
    """
    if not _HAN.search(text):
        return
    text = text.translate(_SIMPLIFIED)
    was_hit = _HIT.search(text) is not None
    for match in _people().finditer(text):
        if _NONE_BEFORE.search(text, 0, match.start()) or _NONE.match(text, match.end()):
            continue
        written = match["before"] or match["after"]
        number = None
        if written:
            number = int(written) if written.isdigit() else _DIGITS.find(written) + 1 or 2
        name = match["nation"] or ""
        nation = None if name in ("外国", "外籍") else find_country(name) or "CHN"
        yield nation, number, match.group(), match.start(), was_hit


def has_hit(text: str) -> bool:
    """Return whether a Chinese text says that somebody was hit.

    Examples
    --------
    >>> has_hit("车队遭袭"), has_hit("车队出发")
    (True, False)
    """
    return _HIT.search(text.translate(_SIMPLIFIED)) is not None


def chinese_property(text: str) -> str | None:
    """Return what belongs to a nation's people where a Chinese text says that it was attacked.

    Examples
    --------
    >>> chinese_property("中资企业遭袭"), chinese_property("中资企业开业")
    ('中资', None)
    """
    text = text.translate(_SIMPLIFIED)
    found = _THEIRS.search(text)
    return found.group() if found and _HIT.search(text) else None


@lru_cache(maxsize=1)
def _people() -> re.Pattern[str]:
    """Return the pattern of people of a nationality."""
    names = "|".join(name for name, _ in sorted(translated_names(), key=lambda n: -len(n[0])))
    number = r"(?:(?P<%s>\d{1,3}|[一二两三四五六七八九十])\s*[名位个人])?"
    who = (
        r"公民|国民|员工|工人|工程师|矿工|商人|游客|专家|司机|技术人员|人员|务工人员|雇员|劳工|男子|女子|夫妇"
        r"|同胞|留学生|老板|企业家|人(?![民口寿权均])"
    )
    role = rf"(?:{who}|籍\w{{0,4}}?(?:人|员|工|师|客|子|商|妇)|企业(?:{who})|公司(?:{who}))"
    return re.compile(
        rf"{number % 'before'}(?:(?P<nation>外国|外籍|我国|我方|中方|中资企业|中企|{names}){role}"
        rf"|华[人侨裔](?!社[区团]|协会|组织|商会))\s*{number % 'after'}"
    )
