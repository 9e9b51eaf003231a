//! All SQL: SQLite and PostgreSQL, migrations, commit jobs, encryption at rest, the audit chain.
