//! Every SQL text of the program is understood by both engines, and both schemas say the same.

use std::collections::BTreeMap;
use std::path::Path;

use cs_store::testing::TestDatabase;
use cs_store::{Database, Store, args};

use crate::source::strings;

on_both_engines![every_statement_can_be_prepared];

/// Texts that are meant for one engine only, by a part of them.
const NOT_SHARED: &[&str] = &[
    "unnest(",
    "PRAGMA",
    "pragma_",
    "sqlite_master",
    "sqlite_stat1",
    "to_regclass",
    "pg_notify",
    "FOR UPDATE",
    "information_schema",
];
const VERBS: &[&str] = &["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];

/// All strings below `src` that begin like a statement, with their file.
pub(crate) fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]").next().unwrap();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.extend(strings(code).into_iter().map(|text| (name.clone(), text)));
            }
        }
    }
    found.retain(|(_, text)| {
        VERBS.iter().any(|verb| text.starts_with(verb))
            && !NOT_SHARED.iter().any(|part| text.contains(part))
            // Put together at run time: tried by the tests of its caller.
            && !text.contains('{')
    });
    found
}

async fn every_statement_can_be_prepared(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let statements = statements();
    assert!(statements.len() > 30, "only {} found", statements.len());
    let mut wrong = Vec::new();
    for (file, sql) in statements {
        if let Err(error) = store.prepare(sql.clone()).await {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            wrong.push(format!("{file}: {sql}\n    {cause}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Columns by table: name, kind, whether null is refused.
async fn schema(store: &Store, database: &Database) -> BTreeMap<String, Vec<(String, String, bool)>> {
    let mut schema = BTreeMap::<_, Vec<_>>::new();
    let sql = match database {
        Database::Sqlite(_) => {
            "SELECT m.name, c.name, lower(c.type), c.\"notnull\" FROM sqlite_master m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'refinery_schema_history'"
        }
        Database::Postgres(_) => {
            "SELECT table_name, column_name, data_type, CASE is_nullable WHEN 'NO' THEN CAST(1 AS BIGINT) ELSE 0 END \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'refinery_schema_history'"
        }
    };
    for row in store.query(sql, args![]).await.unwrap() {
        let kind = row.text(2).unwrap().replace("bytea", "blob");
        let column = (row.text(1).unwrap(), kind, row.flag(3).unwrap());
        schema.entry(row.text(0).unwrap()).or_default().push(column);
    }
    schema.values_mut().for_each(|columns| columns.sort());
    schema
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_say_the_same() {
    use cs_store::testing::Engine;
    let sqlite = TestDatabase::new(Engine::Sqlite).unwrap();
    let Some(postgres) = TestDatabase::new(Engine::Postgres) else { return };
    let one = schema(&sqlite.open().await.unwrap(), &sqlite.database).await;
    let other = schema(&postgres.open().await.unwrap(), &postgres.database).await;
    assert!(one.contains_key("log"));
    assert_eq!(one, other);
}
