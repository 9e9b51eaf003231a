//! Wire formats, pure: Duo-compatible requests, signatures and answers; the device protocol.
