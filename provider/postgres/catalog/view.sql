-- Views, plain and materialized, as postgres.view has them; `query` is the server's own text.
select w.key, json_strip_nulls(json_build_object(
    'schema', n.nspname,
    'name', c.relname,
    'query', rtrim(pg_get_viewdef(c.oid), '; '),
    'materialized', c.relkind = 'm',
    'owner', o.rolname,
    'security_barrier', coalesce((select option_value = 'true' from pg_options_to_table(c.reloptions) where option_name = 'security_barrier'), false),
    'columns', (select json_agg(a.attname order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'comment', obj_description(c.oid, 'pg_class')))
from json_to_recordset(:'wanted') as w(key text, schema text, name text)
join pg_namespace n on n.nspname = w.schema or (w.schema = 'pg_temp' and n.oid = pg_my_temp_schema())
join pg_class c on c.relnamespace = n.oid and c.relname = w.name and c.relkind in ('v', 'm')
join pg_roles o on o.oid = c.relowner
