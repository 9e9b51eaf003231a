//! A whole site in one test.
