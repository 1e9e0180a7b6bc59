{# What the lake has as it came, in the types of the marts. #}
{% macro to_amount(column) %}cast({{ column }} as decimal(10, 2)){% endmacro %}

{% macro to_day(column) %}cast({{ column }} as date){% endmacro %}
