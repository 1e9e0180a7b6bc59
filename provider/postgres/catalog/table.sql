-- Tables as postgres.table has them: types, expressions and definitions in the server's own words.
with wanted as materialized (
    select w.key, c.oid, c.relname, c.relkind, c.relpersistence, n.nspname, o.rolname as owner
    from json_to_recordset(:'wanted') as w(key text, schema text, name text)
    join pg_namespace n on n.nspname = w.schema or (w.schema = 'pg_temp' and n.oid = pg_my_temp_schema())
    join pg_class c on c.relnamespace = n.oid and c.relname = w.name and c.relkind in ('r', 'p')
    join pg_roles o on o.oid = c.relowner
), col as (
    select a.attrelid, json_agg(json_strip_nulls(json_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'not_null', case when a.attnotnull then true end,
        'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
        'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'collation', case when a.attcollation <> t.typcollation then (select collname from pg_collation c where c.oid = a.attcollation) end,
        'comment', col_description(a.attrelid, a.attnum))) order by a.attnum) as list
    from wanted w join pg_attribute a on a.attrelid = w.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    group by 1
), con as (
    select c.conrelid, c.contype, c.conname, c.oid,
        (select json_agg(a.attname order by k.nth) from unnest(c.conkey) with ordinality k(attnum, nth) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum) as columns,
        case c.contype
            when 'c' then to_json(pg_get_expr(c.conbin, c.conrelid))
            when 'f' then json_strip_nulls(json_build_object(
                'columns', (select json_agg(a.attname order by k.nth) from unnest(c.conkey) with ordinality k(attnum, nth) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum),
                'references', (select n.nspname || '.' || f.relname from pg_class f join pg_namespace n on n.oid = f.relnamespace where f.oid = c.confrelid),
                'to', (select json_agg(a.attname order by k.nth) from unnest(c.confkey) with ordinality k(attnum, nth) join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum),
                'on_delete', case c.confdeltype when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default' end,
                'on_update', case c.confupdtype when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default' end,
                'deferrable', case when c.condeferrable then true end))
        end as definition
    from wanted w join pg_constraint c on c.conrelid = w.oid and c.contype in ('p', 'u', 'c', 'f')
    where c.conparentid = 0 and c.conname not like 'weir\_not\_null\_%'
), idx as (
    select i.indrelid, json_object_agg(x.relname, case when i.indisunique then 'unique ' else '' end ||
        substr(pg_get_indexdef(i.indexrelid), strpos(pg_get_indexdef(i.indexrelid), ' USING ') + 1)) as map
    from wanted w join pg_index i on i.indrelid = w.oid join pg_class x on x.oid = i.indexrelid
    where not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x') and c.conrelid = i.indrelid)
    group by 1
), part as (
    select h.inhparent, json_object_agg(p.relname, pg_get_expr(p.relpartbound, p.oid)) as map
    from wanted w join pg_inherits h on h.inhparent = w.oid and w.relkind = 'p' join pg_class p on p.oid = h.inhrelid
    group by 1
)
select w.key, json_strip_nulls(json_build_object(
    'schema', w.nspname,
    'name', w.relname,
    'owner', w.owner,
    'unlogged', w.relpersistence = 'u',
    'comment', obj_description(w.oid, 'pg_class'),
    'columns', col.list,
    'primary_key', (select con.columns from con where con.conrelid = w.oid and con.contype = 'p'),
    'primary_key_name', (select con.conname from con where con.conrelid = w.oid and con.contype = 'p'),
    'unique', (select json_object_agg(con.conname, con.columns) from con where con.conrelid = w.oid and con.contype = 'u'),
    'checks', (select json_object_agg(con.conname, con.definition) from con where con.conrelid = w.oid and con.contype = 'c'),
    'foreign_keys', (select json_object_agg(con.conname, con.definition) from con where con.conrelid = w.oid and con.contype = 'f'),
    'indexes', idx.map,
    'partition_by', case when w.relkind = 'p' then pg_get_partkeydef(w.oid) end,
    'partitions', part.map))
from wanted w
left join col on col.attrelid = w.oid
left join idx on idx.indrelid = w.oid
left join part on part.inhparent = w.oid
