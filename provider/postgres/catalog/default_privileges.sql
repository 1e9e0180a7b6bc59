-- What a role gets on what another will make, as postgres.default_privileges has it.
select w.key, json_build_object(
    'objects', 1,
    'named', 1,
    'held', coalesce((select json_object_agg(lower(a.privilege_type), json_build_array(1, a.is_grantable::int))
        from pg_roles o, aclexplode(coalesce((select d.defaclacl from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
            where d.defaclrole = o.oid and d.defaclobjtype = left(k.letter, 1)::"char" and n.nspname is not distinct from w.schema),
            case when w.schema is null then acldefault(k.built_in::"char", o.oid) end)) a
        left join pg_roles r on r.oid = a.grantee
        where o.rolname = w.owner and case when a.grantee = 0 then w.role = 'public' else r.rolname = w.role end), '{}'))
from json_to_recordset(:'wanted') as w(key text, owner text, role text, schema text, "on" text)
join (values ('tables', 'r', 'r'), ('sequences', 'S', 's'), ('functions', 'f', 'f'), ('types', 'T', 'T'), ('schemas', 'n', 'n'))
    as k(name, letter, built_in) on k.name = w."on"
where exists (select from pg_roles o where o.rolname = w.owner)
