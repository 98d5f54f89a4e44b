# The public names of riskmap and where each lives; they are loaded when first used. Those of a
# namespace stand in its own __init__.pyi.

from . import assessment as assessment
from . import datasets as datasets
from . import evaluation as evaluation
from . import incidents as incidents
from . import models as models
from . import outputs as outputs
from . import panels as panels
from . import places as places
from . import testing as testing
from .assessment.assessments import assess as assess
from .assessment.changes import compare_layers as compare_layers
from .assessment.desk_files import read_decisions as read_decisions
from .assessment.desk_files import read_group as read_group
from .assessment.layers import RiskLayer as RiskLayer
from .assessment.levels import LevelScale as LevelScale
from .desk import RunConfig as RunConfig
from .desk.runs import run as run
from .errors import InputError as InputError
from .errors import RiskmapError as RiskmapError
from .errors import RiskmapWarning as RiskmapWarning
from .evaluation.backtests import backtest as backtest
from .evaluation.replays import replay as replay
from .incidents.derivations import derive_victims as derive_victims
from .incidents.duplicates import merge_duplicates as merge_duplicates
from .incidents.readers import read_incidents as read_incidents
from .ledgers import Ledger as Ledger
from .models.forecasts import forecast as forecast
from .models.results import Forecast as Forecast
from .outputs.publishing import publish as publish
from .outputs.sets import read_layer as read_layer
from .panels.counts import count_incidents as count_incidents
from .panels.groups import WorkerGroup as WorkerGroup
from .panels.panel import Panel as Panel
from .places.placements import Located as Located
from .places.placements import locate as locate
from .places.regions import read_regions as read_regions

__version__: str
