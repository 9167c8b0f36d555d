-- What DBeaver asks when it connects, when its tree is opened down to the columns of `current.scores`, and when a table is read.
-- Statements that its driver adds (pgjdbc) were seen on the wire; DBeaver's own are its constructs. What it asks by an oid that it
-- was told before asks here for that of the schema or the table.

-- When it connects.
SET extra_float_digits = 3;
SET application_name = 'PostgreSQL JDBC Driver';
SET application_name = 'DBeaver 25.1.5 - Main <polytask>';
SELECT current_schema(),session_user;
SELECT version();
SHOW search_path;
SHOW TRANSACTION ISOLATION LEVEL;
-- expects: polytask
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname='polytask';
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE NOT datistemplate AND datallowconn ORDER BY db.datname;
-- expects: on
SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings';
select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,all,and,"null",select,table,where,zone}'::text[]);
SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1;
SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1;
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C');
SELECT n.nspname = ANY(current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = 1034;
SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid   FROM pg_catalog.pg_type   LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r           from pg_namespace as ns           join ( select s.r, (current_schemas(false))[s.r] as nspname                    from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r          using ( nspname )        ) as sp     ON sp.nspoid = typnamespace  WHERE pg_type.oid = 1034  ORDER BY sp.r, pg_type.oid DESC;

-- Schemas.
-- expects: current, raw, runs, public
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass
ORDER BY nspname;

-- Tables of a schema, with their sizes.
-- expects: scores, holdout, metrics
SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr,  pg_catalog.pg_get_partkeydef(c.oid) as partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
WHERE c.relnamespace=(select oid from pg_catalog.pg_namespace where nspname = 'current') AND c.relkind not in ('i','I','c');
select c.oid,pg_catalog.pg_total_relation_size(c.oid) as total_rel_size,pg_catalog.pg_relation_size(c.oid) as rel_size
FROM pg_class c
WHERE c.relnamespace='current'::regnamespace;

-- Columns of a table.
-- expects: scores, household_id, purchase, scenario
SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.oid='current.scores'::regclass ORDER BY a.attnum;

-- Keys, indexes, triggers, rules, policies, parents, dependencies of a table.
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, case when c.contype='c' then "substring"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass
WHERE c.conrelid='current.scores'::regclass
ORDER BY c.oid;
SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans
FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid
WHERE  i.indrelid='current.scores'::regclass ORDER BY tabrelname, c.relname;
SELECT x.oid, x.tgname, c.relname AS table_name, p.pronamespace, d.description
FROM pg_catalog.pg_trigger x
INNER JOIN pg_catalog.pg_class c ON c.oid = x.tgrelid
LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = x.tgfoid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = x.oid
WHERE x.tgrelid = 'current.scores'::regclass AND NOT x.tgisinternal;
SELECT r.oid, r.*, pg_catalog.pg_get_ruledef(r.oid) AS definition FROM pg_catalog.pg_rewrite r WHERE r.ev_class = 'current.scores'::regclass AND r.rulename <> '_RETURN';
SELECT * FROM pg_catalog.pg_policies WHERE schemaname = 'current' AND tablename = 'scores';
SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c WHERE i.inhrelid = 'current.scores'::regclass AND c.oid = i.inhparent ORDER BY i.inhseqno;
SELECT c.oid, c.relname, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c WHERE i.inhparent = 'current.scores'::regclass AND c.oid = i.inhrelid;
SELECT DISTINCT dep.deptype, dep.classid, dep.objid, cl.relkind, cl.relname FROM pg_depend dep LEFT JOIN pg_class cl ON dep.objid = cl.oid WHERE dep.refobjid = 'current.scores'::regclass;

-- The other folders of the tree: views, sequences, functions, types, roles, tablespaces, languages, extensions, collations.
SELECT c.oid, c.relname, pg_catalog.pg_get_viewdef(c.oid, true) AS definition FROM pg_catalog.pg_class c WHERE c.relkind = 'm';
SELECT s.seqrelid, s.seqstart FROM pg_catalog.pg_sequence s;
SELECT p.oid as poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults, d.description
FROM pg_catalog.pg_proc p
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
WHERE p.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = 'current')
ORDER BY p.proname;
SELECT a.oid, a.*, pd.description FROM pg_catalog.pg_roles a LEFT JOIN pg_catalog.pg_shdescription pd ON a.oid = pd.objoid ORDER BY a.rolname;
SELECT t.oid, t.*, pg_catalog.pg_tablespace_location(t.oid) AS loc FROM pg_catalog.pg_tablespace t ORDER BY t.spcname;
SELECT l.oid, l.* FROM pg_catalog.pg_language l ORDER BY l.lanname;
SELECT e.oid, e.*, n.nspname AS schema_name FROM pg_catalog.pg_extension e LEFT JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY e.extname;
SELECT c.oid, c.* FROM pg_catalog.pg_collation c WHERE c.collnamespace = (select oid from pg_catalog.pg_namespace where nspname = 'current') ORDER BY c.collname;
SELECT am.oid, am.* FROM pg_catalog.pg_am am ORDER BY am.oid;
SELECT c.oid, c.collname, pg_catalog.pg_encoding_to_char(d.encoding) FROM pg_catalog.pg_collation c, pg_catalog.pg_database d LIMIT 1;

-- Its search for names, and its completion.
-- expects: scores
SELECT x.oid,x.relname,x.relnamespace,x.relkind FROM pg_catalog.pg_class x WHERE x.relkind IN ('r','v','m','f','p') AND x.relname ILIKE '%score%' ORDER BY x.relname LIMIT 100;
-- expects: purchase
SELECT x.attname, x.attrelid, x.atttypid, c.relnamespace FROM pg_catalog.pg_attribute x, pg_catalog.pg_class c WHERE c.oid = x.attrelid AND x.attname ILIKE '%purchase%' ORDER BY x.attname LIMIT 100;

-- A table is read.
SET search_path = 'current', 'public';
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
-- expects: app
SELECT x.* FROM "current".scores x WHERE x.scenario = 'app' ORDER BY x.purchase DESC LIMIT 200;
select count(*) from (SELECT x.* FROM "current".scores x) dbvrcnt;
EXPLAIN SELECT * FROM "current".scores;
BEGIN;
SELECT x.household_id, x.purchase FROM "current".scores AS x LIMIT 200;
ROLLBACK;
