# The public names of rm.models; they are loaded when first used.

from .baselines import Climatology as Climatology
from .baselines import Conflictology as Conflictology
from .baselines import ExponentialMean as ExponentialMean
from .baselines import Persistence as Persistence
from .baselines import Seasonal as Seasonal
from .baselines import Zero as Zero
from .clusters import Hawkes as Hawkes
from .clusters import find_clusters as find_clusters
from .endemic_epidemic import EndemicEpidemic as EndemicEpidemic
from .ensembles import Adapted as Adapted
from .ensembles import Boosting as Boosting
from .ensembles import Stack as Stack
from .shrinkage import EmpiricalBayes as EmpiricalBayes
