"""Names to regions: the gazetteer, the folding of spellings, dated aliases."""

from riskmap.places.names.aliases import ALIAS_COLUMNS, read_aliases
from riskmap.places.names.folding import consonant_key, fold_name, name_variants, sound_name
from riskmap.places.names.gazetteers import RESOLUTION_COLUMNS, Gazetteer

__all__ = [
    "ALIAS_COLUMNS",
    "RESOLUTION_COLUMNS",
    "Gazetteer",
    "consonant_key",
    "fold_name",
    "name_variants",
    "read_aliases",
    "sound_name",
]
