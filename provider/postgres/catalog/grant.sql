-- Grants as postgres.grant has them: of each privilege, on how many of the objects meant the role has it, and on how many it may
-- pass it on. `names` null means all of that kind in the schema; with `columns` these of each table count instead of the table.
with wanted as materialized (
    select * from json_to_recordset(:'wanted') as w(key text, role text, "on" text, schema text, names json, columns json)
), object as materialized (
    select case when c.relkind = 'S' then 'sequence' else 'table' end as kind, n.nspname as schema, c.relname::text as name, c.relname::text as short,
        coalesce(c.relacl, acldefault(case when c.relkind = 'S' then 's' else 'r' end::"char", c.relowner)) as acl
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname in (select schema from wanted where "on" in ('table', 'sequence'))
    union all
    select 'function', n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', p.proname,
        coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in (select schema from wanted where "on" = 'function')
    union all
    select 'schema', null, nspname, nspname, coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace
    union all
    select 'database', null, datname, datname, coalesce(datacl, acldefault('d', datdba)) from pg_database
    union all
    select 'language', null, lanname, lanname, coalesce(lanacl, acldefault('l', lanowner)) from pg_language
    union all
    select 'type', n.nspname, t.typname, t.typname, coalesce(t.typacl, acldefault('T', t.typowner))
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where t.typtype in ('d', 'e', 'r', 'c') and n.nspname in (select schema from wanted where "on" = 'type')
    union all
    select 'foreign server', null, srvname, srvname, coalesce(srvacl, acldefault('S', srvowner)) from pg_foreign_server
), meant as (
    select w.key, w.role, o.acl
    from wanted w join object o on o.kind = w."on" and (o.schema is null or o.schema = w.schema)
        and (w.names is null or exists (select from json_array_elements_text(w.names) as x(name) where x.name in (o.name, o.short)))
    where w.columns is null
    union all
    select w.key, w.role, a.attacl
    from wanted w join pg_namespace n on n.nspname = w.schema
        join pg_class c on c.relnamespace = n.oid and c.relname in (select json_array_elements_text(w.names))
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname in (select json_array_elements_text(w.columns))
    where w.columns is not null and c.relkind in ('r', 'p', 'v', 'm', 'f')
), held as (
    select m.key, lower(a.privilege_type) as privilege, count(*) as objects, count(*) filter (where a.is_grantable) as grantable
    from meant m, aclexplode(m.acl) a left join pg_roles r on r.oid = a.grantee
    where case when a.grantee = 0 then m.role = 'public' else r.rolname = m.role end
    group by 1, 2
)
select w.key, json_build_object(
    'objects', (select count(*) from meant m where m.key = w.key),
    'named', coalesce(json_array_length(w.names), 0) * coalesce(json_array_length(w.columns), 1),
    'held', coalesce((select json_object_agg(h.privilege, json_build_array(h.objects, h.grantable)) from held h where h.key = w.key), '{}'))
from wanted w
where w.role = 'public' or exists (select from pg_roles r where r.rolname = w.role)
