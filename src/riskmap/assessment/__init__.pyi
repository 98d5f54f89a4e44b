# The public names of rm.assessment; they are loaded when first used.

from .desk_files import Decision as Decision
