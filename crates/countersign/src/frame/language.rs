//! The language that somebody chooses on a page, for that page and those after it.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use cs_pages::Language;
use http::{Method, Uri};

use super::cookies::set_language;
use super::visitor::see_other;

/// What the menu adds to an address.
const PARAMETER: &str = "lang=";

/// Keeps a language that the address of a page names as the menu does, and takes it out of the address, so that every later page is in it too.
pub(crate) async fn keep_language(request: Request, next: Next) -> Response {
    let is_choice = request.method() == Method::GET && names_nothing_else(request.uri());
    let Some(language) = chosen(request.uri()).filter(|_| is_choice) else { return next.run(request).await };
    let mut response = see_other(request.uri().path());
    set_language(response.headers_mut(), language);
    response
}

/// The language that `uri` names.
pub(super) fn chosen(uri: &Uri) -> Option<Language> {
    parameters(uri).find_map(|pair| pair.strip_prefix(PARAMETER)).and_then(Language::parse)
}

/// Whether the page at `uri` can be asked for again in another language: nothing is lost by that, and nothing begins.
pub(super) fn has_menu(method: &Method, uri: &Uri) -> bool {
    let path = uri.path();
    let is_page = match path.strip_prefix("/portal") {
        Some(rest) => matches!(rest, "" | "/logins" | "/browsers" | "/codes") || rest.starts_with("/devices/"),
        None => path.starts_with("/frame/prompt/") || path.starts_with("/enroll/visit/"),
    };
    method == Method::GET && is_page && names_nothing_else(uri)
}

fn names_nothing_else(uri: &Uri) -> bool {
    parameters(uri).all(|pair| pair.starts_with(PARAMETER))
}

fn parameters(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_stands_where_a_page_can_be_asked_for_again() {
        for (method, uri, expected) in [
            (Method::GET, "/frame/prompt/PR1", true),
            (Method::GET, "/frame/prompt/PR1?lang=de", true),
            (Method::GET, "/enroll/visit/VS1", true),
            (Method::GET, "/portal", true),
            (Method::GET, "/portal/logins", true),
            (Method::GET, "/portal/devices/DP1/test", true),
            // A code that is good once, a login that begins, an enrollment that begins, a form that was sent.
            (Method::GET, "/portal/enter?duo_code=1&state=2", false),
            (Method::GET, "/portal/from/PR1", false),
            (Method::GET, "/portal/again", false),
            (Method::GET, "/portal/add", false),
            (Method::GET, "/portals", false),
            (Method::GET, "/enroll/CODE", false),
            (Method::GET, "/frame/web/v1/auth?tx=1", false),
            (Method::GET, "/portal?x=1", false),
            (Method::POST, "/portal/devices/DP1/test", false),
        ] {
            assert_eq!(has_menu(&method, &uri.parse().unwrap()), expected, "{method} {uri}");
        }
    }

    #[test]
    fn a_language_is_one_of_ours() {
        for (uri, language) in [
            ("/portal?lang=de", Some(Language::De)),
            ("/portal?a=1&lang=ja", Some(Language::Ja)),
            ("/portal?lang=xx", None),
            ("/portal?lang=", None),
            ("/portal?language=de", None),
            ("/portal", None),
        ] {
            assert_eq!(chosen(&uri.parse().unwrap()), language, "{uri}");
        }
    }
}
