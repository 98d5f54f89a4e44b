"""Open a published set in QGIS and print what it makes of it, as JSON; for QGIS's own Python."""

import json
import os
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerJoinInfo,
)
from qgis.PyQt.QtCore import QSize

folder = Path(sys.argv[1])
app = QgsApplication([], False)  # noqa: FBT003 - QGIS names it not
app.initQgis()


def describe(layer):
    """What a reader sees of a layer."""
    fields = layer.fields()
    first = next(layer.getFeatures(), None)
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    if first is not None:
        context.setFeature(first)
    return {
        "valid": layer.isValid(),
        "rows": layer.featureCount(),
        "geometry": layer.wkbType(),
        "types": {field.name(): field.typeName() for field in fields},
        "aliases": {field.name(): field.alias() for field in fields if field.alias()},
        "categories": len(layer.renderer().categories())
        if layer.renderer() and layer.renderer().type() == "categorizedSymbol"
        else 0,
        "tip": QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context),
    }


def open_layer(path):
    return QgsVectorLayer(str(path), str(path), "ogr")


gpkg = folder / "risk.gpkg"
whole = open_layer(gpkg)
names = [one.split("!!::!!")[1] for one in whole.dataProvider().subLayers()]
layers = {name: open_layer(f"{gpkg}|layername={name}") for name in names}
layers["geojson"] = open_layer(folder / "risk.geojson")
found = {name: describe(layer) for name, layer in layers.items()}

drivers = layers["drivers"]
QgsProject.instance().addMapLayers([layers["risk"], drivers])
join = QgsVectorLayerJoinInfo()
join.setJoinLayer(layers["risk"])
join.setJoinFieldName("region_id")
join.setTargetFieldName("region_id")
join.setPrefix("risk_of_")
join.setUsingMemoryCache(True)
drivers.addJoin(join)
found["joined"] = [feature["risk_of_name"] for feature in drivers.getFeatures()]

if len(sys.argv) > 2:  # a picture is asked for
    settings = QgsMapSettings()
    settings.setLayers([layers["incidents"], layers["risk"]])
    settings.setExtent(layers["risk"].extent())
    settings.setOutputSize(QSize(900, 700))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(sys.argv[2])
sys.stdout.write(json.dumps(found, default=str))
sys.stdout.flush()
os._exit(0)  # what QGIS tears down at the end may fail, and all is said
