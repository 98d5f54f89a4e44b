<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.28.0-Firenze" styleCategories="Symbology|Labeling|Fields|MapTips" labelsEnabled="1">
 <renderer-v2 type="categorizedSymbol" attr="risk_level" enableorderby="0" forceraster="0" referencescale="-1" symbollevels="0">
  <categories>
{%- for level in levels %}
   <category value="{{ level.level }}" symbol="{{ level.level }}" label="{{ level.level }} {{ names[level.name] }}" render="true" type="long" />
{%- endfor %}
  </categories>
  <symbols>
{%- for level in levels %}
{%- set fill = rgba(level.colour) if level.level else unknown %}
   <symbol type="fill" name="{{ level.level }}" alpha="1" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleFill" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="color" value="{{ fill }}" />
      <Option type="QString" name="style" value="{{ 'solid' if level.level else 'b_diagonal' }}" />
      <Option type="QString" name="outline_color" value="{{ '255,255,255,255' if level.level else unknown }}" />
      <Option type="QString" name="outline_style" value="solid" />
      <Option type="QString" name="outline_width" value="0.16" />
      <Option type="QString" name="outline_width_unit" value="MM" />
     </Option>
    </layer>
   </symbol>
{%- endfor %}
  </symbols>
 </renderer-v2>
 <labeling type="simple">
  <settings calloutType="simple">
   <text-style fieldName="CASE WHEN coalesce(&quot;risk_level&quot;, 0) = 0 THEN '?' ELSE to_string(&quot;risk_level&quot;) || CASE WHEN &quot;at_least&quot; THEN '+' ELSE '' END END" isExpression="1" fontSize="8" fontSizeUnit="Point" textColor="34,34,34,255">
    <text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,255" />
   </text-style>
  </settings>
 </labeling>
{%- if fields %}
 <aliases>
{%- for name, alias in fields %}
  <alias index="{{ loop.index0 }}" field="{{ name }}" name="{{ alias }}" />
{%- endfor %}
 </aliases>
 <previewExpression>coalesce("name", "region_id")</previewExpression>
 <mapTip>{{ tip }}</mapTip>
{%- endif %}
</qgis>
