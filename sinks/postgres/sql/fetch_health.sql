SELECT
    current_setting('server_version') AS version,
    current_setting('server_version_num')::integer AS version_num,
    current_user AS role,
    pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean AS read_only,
    has_database_privilege(current_database(), 'TEMPORARY') AS makes_temporary_tables,
    ARRAY(
        SELECT name
        FROM unnest($1::text[]) AS name
        WHERE to_regclass(name) IS NOT NULL
            AND NOT (
                has_table_privilege(to_regclass(name), 'SELECT')
                AND has_table_privilege(to_regclass(name), 'INSERT')
                AND has_table_privilege(to_regclass(name), 'UPDATE')
            )
    ) AS not_writable,
    ARRAY(
        SELECT name
        FROM unnest($2::text[]) AS name
        WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), 'DELETE')
    ) AS not_deletable,
    current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer
        - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::integer
        AS connections_free
