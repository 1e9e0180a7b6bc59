{# Marts are made beside those that are there; `dbt run-operation publish` puts what was tested in their place, all of it in one transaction. #}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {{ custom_alias_name or node.name }}{{ '__next' if node.resource_type == 'model' and 'marts' in node.fqn }}
{%- endmacro %}

{% macro publish() -%}
    {% set swap %}
        begin;
        {% for model in graph.nodes.values() if model.alias == model.name ~ '__next' %}
        drop table if exists {{ model.schema }}.{{ model.name }} cascade;
        alter table {{ model.schema }}.{{ model.alias }} rename to {{ model.name }};
        {% endfor %}
        commit;
    {% endset %}
    {% set done = run_query(swap) %}
{%- endmacro %}
