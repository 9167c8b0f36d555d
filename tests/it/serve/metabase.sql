-- What Metabase asks when it connects, when it learns what there is, and for questions that are clicked together. The driver's
-- statements (pgjdbc) were seen on the wire; Metabase's own are its constructs, for the schema `current`.

-- The driver, when it connects.
SET extra_float_digits = 2;
SET application_name = 'Metabase v0.55.1';
SHOW TRANSACTION ISOLATION LEVEL;
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
BEGIN READ ONLY;
SELECT 1;
COMMIT;
show timezone;
select current_schema();
SELECT version();

-- Schemas.
-- expects: current, raw, runs
SELECT nspname AS "TABLE_SCHEM", current_database() AS "TABLE_CATALOG" FROM pg_catalog.pg_namespace
WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1])
  AND (nspname !~ '^pg_toast_temp_' OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
ORDER BY "TABLE_SCHEM";

-- What the user may do.
-- expects: scores, holdout
with table_privileges as (
  select
    NULL as role,
    t.schemaname as schema,
    t.objectname as table,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'update') as update,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'select') as select,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'insert') as insert,
    pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'delete') as delete
  from (
    select schemaname, tablename as objectname from pg_catalog.pg_tables
    union
    select schemaname, viewname as objectname from pg_catalog.pg_views
    union
    select schemaname, matviewname as objectname from pg_catalog.pg_matviews
  ) t
  where t.schemaname !~ '^pg_'
    and t.schemaname <> 'information_schema'
    and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')
)
select t.* from table_privileges t;

-- Tables.
-- expects: scores, holdout, metrics, TABLE
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name",
  CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type",
  "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count"
FROM "pg_catalog"."pg_class" AS "c"
INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = '0') AND ("d"."classoid" = 'pg_class'::regclass)
LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname")
WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema')
  AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ('current'))
ORDER BY "type" ASC, "schema" ASC, "name" ASC;

-- Columns with types, keys and comments, from the information schema.
-- expects: scores, purchase, float8, int8, date, text
SELECT "c"."column_name" AS "name",
  CASE WHEN "c"."udt_schema" IN ('public', 'pg_catalog') THEN FORMAT('%s', "c"."udt_name") ELSE FORMAT('"%s"."%s"', "c"."udt_schema", "c"."udt_name") END AS "database-type",
  "c"."ordinal_position" - 1 AS "database-position",
  "c"."table_schema" AS "table-schema",
  "c"."table_name" AS "table-name",
  "pk"."column_name" IS NOT NULL AS "pk?",
  COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("c"."table_schema" AS TEXT), CAST("c"."table_name" AS TEXT)) AS REGCLASS) AS OID), "c"."ordinal_position") AS "field-comment",
  (("column_default" IS NULL) OR (LOWER("column_default") = 'null')) AND ("is_nullable" = 'NO') AND NOT ("is_identity" <> 'NO') AS "database-required"
FROM "information_schema"."columns" AS "c"
LEFT JOIN (
  SELECT "tc"."table_schema", "tc"."table_name", "kc"."column_name"
  FROM "information_schema"."table_constraints" AS "tc"
  INNER JOIN "information_schema"."key_column_usage" AS "kc"
    ON ("tc"."constraint_name" = "kc"."constraint_name") AND ("tc"."table_schema" = "kc"."table_schema") AND ("tc"."table_name" = "kc"."table_name")
  WHERE "tc"."constraint_type" = 'PRIMARY KEY'
) AS "pk" ON ("c"."table_schema" = "pk"."table_schema") AND ("c"."table_name" = "pk"."table_name") AND ("c"."column_name" = "pk"."column_name")
WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND ("c"."table_schema" IN ('current'))
ORDER BY "table-schema", "table-name", "database-position";

-- Columns of materialized views.
SELECT "a"."attname" AS "name", FORMAT('%s', "t"."typname") AS "database-type", "a"."attnum" - 1 AS "database-position", "n"."nspname" AS "table-schema", "c"."relname" AS "table-name"
FROM "pg_catalog"."pg_class" AS "c"
INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "n"."oid" = "c"."relnamespace"
INNER JOIN "pg_catalog"."pg_attribute" AS "a" ON "a"."attrelid" = "c"."oid"
INNER JOIN "pg_catalog"."pg_type" AS "t" ON "t"."oid" = "a"."atttypid"
WHERE ("c"."relkind" = 'm') AND ("a"."attnum" >= 1) AND ("n"."nspname" IN ('current'));

-- Types that are enumerations, foreign keys, indexes.
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e);
SELECT "kn"."nspname" AS "fk-table-schema", "k"."relname" AS "fk-table-name", "kc"."attname" AS "fk-column-name",
  "rn"."nspname" AS "pk-table-schema", "r"."relname" AS "pk-table-name", "rc"."attname" AS "pk-column-name"
FROM "pg_constraint" AS "f"
INNER JOIN "pg_class" AS "k" ON "f"."conrelid" = "k"."oid"
INNER JOIN "pg_namespace" AS "kn" ON "f"."connamespace" = "kn"."oid"
INNER JOIN "pg_attribute" AS "kc" ON "f"."conrelid" = "kc"."attrelid"
INNER JOIN "pg_class" AS "r" ON "f"."confrelid" = "r"."oid"
INNER JOIN "pg_namespace" AS "rn" ON "r"."relnamespace" = "rn"."oid"
INNER JOIN "pg_attribute" AS "rc" ON "f"."confrelid" = "rc"."attrelid"
WHERE kn.nspname !~ '^information_schema|catalog_history|pg_' AND ("f"."contype" = 'f'::char)
  AND ("kc"."attnum" = ANY(f.conkey)) AND ("rc"."attnum" = ANY(f.confkey)) AND ("kn"."nspname" IN ('current'))
ORDER BY "fk-table-schema", "fk-table-name";
SELECT "i"."table-schema", "i"."table-name", TRIM(BOTH '"' FROM "pg_catalog"."pg_get_indexdef"("i"."oid", "i"."pos", FALSE)) AS "field-name"
FROM (
  SELECT "n"."nspname" AS "table-schema", "c"."relname" AS "table-name", "ic"."oid" AS "oid", ("information_schema"."_pg_expandarray"("x"."indkey")).n AS "pos"
  FROM "pg_catalog"."pg_class" AS "c"
  INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
  INNER JOIN "pg_catalog"."pg_index" AS "x" ON "c"."oid" = "x"."indrelid"
  INNER JOIN "pg_catalog"."pg_class" AS "ic" ON "ic"."oid" = "x"."indexrelid"
  WHERE ("pg_catalog"."pg_get_expr"("x"."indpred", "x"."indrelid") IS NULL) AND ("n"."nspname" IN ('current'))
) AS "i"
WHERE "i"."pos" = 1;

-- The driver's own lists, which older versions read.
-- expects: scores, TABLE
SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME,  CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema'  WHEN true THEN CASE  WHEN n.nspname = 'pg_catalog' OR n.nspname = 'information_schema' THEN CASE c.relkind   WHEN 'r' THEN 'SYSTEM TABLE'   WHEN 'v' THEN 'SYSTEM VIEW'   WHEN 'i' THEN 'SYSTEM INDEX'   ELSE NULL   END  WHEN n.nspname = 'pg_toast' THEN CASE c.relkind   WHEN 'r' THEN 'SYSTEM TOAST TABLE'   WHEN 'i' THEN 'SYSTEM TOAST INDEX'   ELSE NULL   END  ELSE CASE c.relkind   WHEN 'r' THEN 'TEMPORARY TABLE'   WHEN 'p' THEN 'TEMPORARY TABLE'   WHEN 'i' THEN 'TEMPORARY INDEX'   WHEN 'S' THEN 'TEMPORARY SEQUENCE'   WHEN 'v' THEN 'TEMPORARY VIEW'   ELSE NULL   END  END  WHEN false THEN CASE c.relkind  WHEN 'r' THEN 'TABLE'  WHEN 'p' THEN 'PARTITIONED TABLE'  WHEN 'i' THEN 'INDEX'  WHEN 'P' then 'PARTITIONED INDEX'  WHEN 'S' THEN 'SEQUENCE'  WHEN 'v' THEN 'VIEW'  WHEN 'c' THEN 'TYPE'  WHEN 'f' THEN 'FOREIGN TABLE'  WHEN 'm' THEN 'MATERIALIZED VIEW'  ELSE NULL  END  ELSE NULL  END  AS TABLE_TYPE, d.description AS REMARKS,  '' as TYPE_CAT, '' as TYPE_SCHEM, '' as TYPE_NAME, '' AS SELF_REFERENCING_COL_NAME, '' AS REF_GENERATION
FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0  and d.classoid = 'pg_class'::regclass)
WHERE c.relnamespace = n.oid  AND n.nspname LIKE 'current' AND c.relname LIKE '%' AND (false  OR ( c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' )  OR ( c.relkind = 'v' AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' )  OR ( c.relkind = 'f' )  OR ( c.relkind = 'm' )  OR ( c.relkind = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ) )
ORDER BY TABLE_TYPE,TABLE_SCHEM,TABLE_NAME;
-- expects: scores, household_id, purchase
SELECT * FROM (SELECT n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,t.typtypmod,row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') as attidentity,nullif(a.attgenerated, '') as attgenerated,pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,dsc.description,t.typbasetype,t.typtype  FROM pg_catalog.pg_namespace n  JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid)  JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid)  JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid)  LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum)  LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)  LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class')  LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog')  WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped  AND n.nspname LIKE 'current' AND c.relname LIKE 'scores') c WHERE true  AND attname LIKE '%' ORDER BY nspname,c.relname,attnum;
SELECT        result.TABLE_CAT,        result.TABLE_SCHEM,        result.TABLE_NAME,        result.COLUMN_NAME,        result.KEY_SEQ,        result.PK_NAME FROM      (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM,   ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME,   (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME,   information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct   JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid)   JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid)   JOIN pg_catalog.pg_index i ON ( a.attrelid = i.indrelid)   JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) WHERE true  AND n.nspname = 'current' AND ct.relname = 'scores' AND i.indisprimary  ) result where  result.A_ATTNUM = (result.KEYS).x  ORDER BY result.table_name, result.pk_name, result.key_seq;
-- Without this one the driver has no foreign keys to tell of: it fails, and with it who asked.
-- expects: 32
SELECT setting FROM pg_catalog.pg_settings WHERE name='max_index_keys';
SELECT n.nspname,c.relname,r.rolname,c.relacl  FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c, pg_catalog.pg_roles r  WHERE c.relnamespace = n.oid  AND c.relowner = r.oid  AND c.relkind IN ('r','p','v','m','f')  AND n.nspname LIKE 'current' AND c.relname LIKE 'scores' ORDER BY nspname, relname;
-- expects: text, int8, float8
SELECT t.typname,t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON (t.typnamespace = n.oid)  WHERE n.nspname  != 'pg_toast' AND  (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid));
-- A value of a type that the driver does not know by heart.
SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid   FROM pg_catalog.pg_type   LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r           from pg_namespace as ns           join ( select s.r, (current_schemas(false))[s.r] as nspname                    from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r          using ( nspname )        ) as sp     ON sp.nspoid = typnamespace  WHERE pg_type.oid = 1034  ORDER BY sp.r, pg_type.oid DESC;

-- Values of a column, its fingerprint, and questions.
-- expects: app, store
SELECT "current"."scores"."scenario" AS "scenario" FROM "current"."scores" GROUP BY "current"."scores"."scenario" ORDER BY "current"."scores"."scenario" ASC LIMIT 1000;
SELECT SUBSTRING("current"."scores"."run", 1, 1234) AS "substring1", "current"."scores"."purchase" AS "purchase" FROM "current"."scores" LIMIT 10000;
-- expects: app, store
SELECT "source"."scenario" AS "scenario", COUNT(*) AS "count", AVG("source"."purchase") AS "avg"
FROM (SELECT "current"."scores"."scenario" AS "scenario", "current"."scores"."purchase" AS "purchase", CAST(DATE_TRUNC('month', "current"."scores"."as_of") AS date) AS "month" FROM "current"."scores") AS "source"
GROUP BY "source"."scenario" ORDER BY "source"."scenario" ASC;
SELECT FLOOR(("current"."scores"."purchase" - 0.0) / 0.1) * 0.1 + 0.0 AS "purchase", COUNT(*) AS "count" FROM "current"."scores"
GROUP BY FLOOR(("current"."scores"."purchase" - 0.0) / 0.1) * 0.1 + 0.0 ORDER BY FLOOR(("current"."scores"."purchase" - 0.0) / 0.1) * 0.1 + 0.0 ASC;
SELECT CAST(DATE_TRUNC('week', ("raw"."orders"."sold_at" + INTERVAL '1 day')) AS timestamp) + INTERVAL '-1 day' AS "week", SUM("raw"."orders"."amount") AS "sum" FROM "raw"."orders"
WHERE ("raw"."orders"."sold_at" >= timestamp '2026-01-05 00:00:00.000') AND (LOWER("raw"."orders"."channel") LIKE '%app%')
GROUP BY CAST(DATE_TRUNC('week', ("raw"."orders"."sold_at" + INTERVAL '1 day')) AS timestamp) + INTERVAL '-1 day' ORDER BY 1;
SELECT CAST(EXTRACT(HOUR FROM "raw"."orders"."sold_at") AS integer) AS "hour", COUNT(DISTINCT "raw"."orders"."household_id") AS "count",
  PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "raw"."orders"."amount") AS "median", STDDEV_POP("raw"."orders"."amount") AS "stddev", SUM(CASE WHEN "raw"."orders"."channel" = 'app' THEN 1 ELSE 0.0 END) AS "app"
FROM "raw"."orders" GROUP BY CAST(EXTRACT(HOUR FROM "raw"."orders"."sold_at") AS integer) ORDER BY 1 LIMIT 2000;
