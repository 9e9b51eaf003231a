//! `GET /authenticator/activate`: what a person sees who opens an activation link in a browser.
//!
//! The code is in the fragment, which never reaches the server: the page can only say what to do with the address.

use cs_pages::Notice;

use crate::http::{Page, Reader};

pub(super) async fn activate(reader: Reader) -> Page {
    Page(Notice::activation(reader.chrome()))
}
