<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.28.0-Firenze" styleCategories="Symbology|Fields|MapTips">
 <renderer-v2 type="singleSymbol" enableorderby="0" forceraster="0" referencescale="-1" symbollevels="0">
  <symbols>
   <symbol type="marker" name="0" alpha="0.8" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="name" value="circle" />
      <Option type="QString" name="color" value="34,34,34,255" />
      <Option type="QString" name="outline_color" value="255,255,255,255" />
      <Option type="QString" name="outline_width" value="0.3" />
      <Option type="QString" name="outline_width_unit" value="MM" />
      <Option type="QString" name="size" value="2" />
      <Option type="QString" name="size_unit" value="MM" />
     </Option>
    </layer>
   </symbol>
  </symbols>
 </renderer-v2>
{%- if fields %}
 <aliases>
{%- for name, alias in fields %}
  <alias index="{{ loop.index0 }}" field="{{ name }}" name="{{ alias }}" />
{%- endfor %}
 </aliases>
 <previewExpression>coalesce("place", "incident_id")</previewExpression>
 <mapTip>{{ tip }}</mapTip>
{%- endif %}
</qgis>
