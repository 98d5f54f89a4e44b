# The public names of rm.incidents; they are loaded when first used.

from .articles import extract_incidents as extract_incidents
from .checks import check_incidents_file as check_incidents_file
from .checks import compare_incidents as compare_incidents
from .dates import DateRules as DateRules
from .fetching import fetch_incidents as fetch_incidents
from .imports import import_incidents as import_incidents
