//! Auth API client.
