<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.28.0-Firenze" styleCategories="Fields">
 <aliases>
{%- for name, alias in fields %}
  <alias index="{{ loop.index0 }}" field="{{ name }}" name="{{ alias }}" />
{%- endfor %}
 </aliases>
</qgis>
