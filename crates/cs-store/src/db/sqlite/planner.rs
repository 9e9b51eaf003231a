//! What the query planner must know: that `account`, the first column of nearly every index, tells no rows apart.
//!
//! Without figures SQLite takes it that an index's first column narrows a search to ten rows, and would rather walk through a million users of the one
//! account in the order that is asked for than look up the three hundred that are wanted: 10 s instead of 2 ms. Figures of a real `ANALYZE` would
//! depend on when it ran, so every index has the same ones, written when it first appears.

use rusqlite::Connection;

use crate::db::StoreError;

/// Indexes that begin with the account and have a second column: the table's name, the index's name in the statistics, and its figures.
macro_rules! indexes {
    ($rest:literal) => {
        concat!(
            "WITH i AS (SELECT m.name AS tbl, CASE WHEN l.origin = 'pk' AND upper(m.sql) LIKE '%WITHOUT ROWID%' THEN m.name ELSE l.name END AS idx, ",
            "l.\"unique\" AS is_unique, (SELECT count(*) FROM pragma_index_info(l.name)) AS columns ",
            "FROM sqlite_master m, pragma_index_list(m.name) l WHERE m.type = 'table' ",
            "AND (SELECT name FROM pragma_index_info(l.name) WHERE seqno = 0) = 'account') ",
            $rest
        )
    };
}

const HAS_FIGURES: &str = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'";
const WITHOUT: &str = indexes!(
    "SELECT count(*) FROM i WHERE columns > 1 AND NOT EXISTS (SELECT 1 FROM sqlite_stat1 s WHERE s.idx = i.idx)"
);
/// A million rows, all of one account; two for each further column, one for all columns of a unique index.
const WRITE: &str = indexes!(
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) SELECT tbl, idx, '1000000 1000000' || substr(' 2 2 2 2 2 2 2 2', 1, 2 * (columns - 2)) || \
     CASE is_unique WHEN 1 THEN ' 1' ELSE ' 2' END FROM i WHERE columns > 1"
);

/// Gives every index its figures, if one has none.
pub(super) fn inform(connection: &mut Connection) -> Result<(), StoreError> {
    let count = |connection: &Connection, sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if count(connection, HAS_FIGURES)? == 0 {
        // The only way to have the table: it cannot be created by name.
        connection.execute_batch("ANALYZE meta")?;
    }
    if count(connection, WITHOUT)? == 0 {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM sqlite_stat1", [])?;
    transaction.execute(WRITE, [])?;
    transaction.commit()?;
    // Reads them in; other connections do so when they open.
    connection.execute_batch("ANALYZE sqlite_master")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        for (_, sql) in crate::db::migrations::SQLITE {
            connection.execute_batch(sql).unwrap();
        }
        inform(&mut connection).unwrap();
        connection
    }

    /// How SQLite would carry `sql` out.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan += &(row.get::<_, String>(3).unwrap() + "\n");
        }
        plan
    }

    #[test]
    fn few_wanted_rows_are_looked_up_and_not_searched_for() {
        let connection = database();
        for sql in [
            "SELECT * FROM users WHERE account = 'a' AND user_id IN ('b', 'c', 'd') ORDER BY username, user_id",
            "SELECT * FROM users WHERE account = 'a' AND email = 'b' ORDER BY username, user_id",
            "SELECT * FROM user_name WHERE account = 'a' AND slot > 0 AND user_id IN ('b', 'c', 'd')",
            "SELECT * FROM user_phone WHERE account = 'a' AND phone_id IN ('b', 'c', 'd') ORDER BY user_id",
            "SELECT * FROM phone WHERE account = 'a' AND number = 'b' ORDER BY phone_id",
            "DELETE FROM authenticator WHERE account = 'a' AND user_id = 'b'",
            "DELETE FROM activation WHERE account = 'a' AND user_id = 'b'",
        ] {
            let plan = plan(&connection, sql);
            assert!(!plan.contains("SCAN") && !plan.contains("(account=?)"), "{sql}\n{plan}");
        }
    }

    #[test]
    fn one_users_log_is_looked_up_and_not_searched_for() {
        let connection = database();
        for sql in crate::audit::OF_USER {
            let plan = plan(&connection, &sql.replace('$', "?"));
            assert!(plan.contains("log_by_user (account=? AND <expr>=? AND at>? AND at<?)"), "{plan}");
        }
    }

    /// The inner part, `p` or `l`, is the page: all of it is wanted.
    #[test]
    fn pages_of_lists_come_from_an_index_in_order() {
        let connection = database();
        for list in [crate::users::USERS, crate::phones::PHONES, crate::tokens::TOKENS] {
            for sql in [list.from_offset, list.after_row] {
                let plan = plan(&connection, &sql.replace('$', "?"));
                let (page, rest) = plan.split_once("\nSCAN ").unwrap();
                let (inner, outer) = rest.split_once('\n').unwrap();
                assert!(
                    matches!(inner, "p" | "l") && !outer.contains("SCAN") && !outer.contains("(account=?)"),
                    "{sql}\n{plan}"
                );
                assert!(page.starts_with("CO-ROUTINE") && !page.contains("TEMP B-TREE"), "{sql}\n{plan}");
            }
            let plan = plan(&connection, &list.after_row.replace('$', "?"));
            assert!(plan.contains(">?") || plan.contains(")>(?"), "{plan}");
        }
    }

    #[test]
    fn figures_are_written_once_and_for_new_indexes() {
        let mut connection = database();
        let changes =
            |connection: &Connection| connection.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0));
        let before = changes(&connection).unwrap();
        inform(&mut connection).unwrap();
        assert_eq!(changes(&connection).unwrap(), before);
        connection.execute_batch("CREATE INDEX users_by_notes ON users (account, notes)").unwrap();
        inform(&mut connection).unwrap();
        let sql = "SELECT stat FROM sqlite_stat1 WHERE idx = 'users_by_notes'";
        let stat: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(stat, "1000000 1000000 2");
    }
}
