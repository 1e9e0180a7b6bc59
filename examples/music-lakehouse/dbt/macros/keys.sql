{# One key of several columns: the same text wherever and however often it is made. #}
{% macro surrogate_key(columns) -%}
    md5({% for column in columns %}coalesce(cast({{ column }} as varchar(256)), ''){% if not loop.last %} || '-' || {% endif %}{% endfor %})
{%- endmacro %}
