# The public names of rm.assessment; they are loaded when first used.

from .authorities import compare_authorities as compare_authorities
from .desk_files import Decision as Decision
