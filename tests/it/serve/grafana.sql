-- What Grafana's PostgreSQL source sends: its check of a connection, its lists of tables and columns for `current.scores`, and
-- questions as its macros make them.

SELECT 1;
SELECT current_setting('server_version_num')::int / 100 as version;
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb';

-- Tables.
-- expects: current.scores
SELECT
    CASE WHEN
          quote_ident(table_schema) IN (
          SELECT
            CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
          FROM
            generate_series(
              array_lower(string_to_array(current_setting('search_path'),','),1),
              array_upper(string_to_array(current_setting('search_path'),','),1)
            ) as i,
            string_to_array(current_setting('search_path'),',') s
          )
      THEN quote_ident(table_name)
      ELSE quote_ident(table_schema) || '.' || quote_ident(table_name)
    END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema',
                         'pg_catalog',
                         '_timescaledb_cache',
                         '_timescaledb_catalog',
                         '_timescaledb_internal',
                         '_timescaledb_config',
                         'timescaledb_information',
                         'timescaledb_experimental')
ORDER BY CASE WHEN
          quote_ident(table_schema) IN (
          SELECT
            CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
          FROM
            generate_series(
              array_lower(string_to_array(current_setting('search_path'),','),1),
              array_upper(string_to_array(current_setting('search_path'),','),1)
            ) as i,
            string_to_array(current_setting('search_path'),',') s
          ) THEN 0 ELSE 1 END, 1;

-- Columns.
-- expects: household_id, bigint, purchase, double precision, as_of, date, run, text
SELECT quote_ident(column_name) AS "column", data_type AS "type"
FROM information_schema.columns
WHERE
  CASE WHEN array_length(parse_ident('current.scores'),1) = 2
    THEN quote_ident(table_schema) = (parse_ident('current.scores'))[1]
      AND quote_ident(table_name) = (parse_ident('current.scores'))[2]
    ELSE quote_ident(table_name) = 'current.scores'
      AND
      quote_ident(table_schema) IN (
      SELECT
        CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
      FROM
        generate_series(
          array_lower(string_to_array(current_setting('search_path'),','),1),
          array_upper(string_to_array(current_setting('search_path'),','),1)
        ) as i,
        string_to_array(current_setting('search_path'),',') s
      )
  END;

-- A table, and a series in time: what stands for a time filter and a time group.
SELECT scenario, purchase FROM current.scores LIMIT 50;
-- expects: app, store
SELECT floor(extract(epoch from sold_at)/86400)*86400 AS "time", channel AS metric, sum(amount) AS value
FROM raw.orders
WHERE sold_at BETWEEN '2026-01-01T00:00:00Z' AND '2026-02-20T00:00:00.999Z'
GROUP BY 1, 2
ORDER BY 1, 2;
-- expects: store
SELECT sold_at AS "time", amount, channel FROM raw.orders
WHERE extract(epoch from sold_at) >= 1767225600 AND sold_at >= to_timestamp(1767225600) ORDER BY sold_at LIMIT 100;
