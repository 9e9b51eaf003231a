//! Self-service.

use askama::Template;

use super::{Example, Words};
use crate::Chrome;
use crate::portal::{
    Browsers, Device, DeviceKind, Devices, Left, Login, Logins, Lost, NotMe, RecoveryCodes, Remaining,
    RememberedBrowser, Remove, Said, Session, TestPush,
};

pub(super) fn all(chrome: Chrome<'_>, w: Words<'_>) -> Result<Vec<Example>, askama::Error> {
    let session =
        Session { base: w.is("/portal"), token: w.is("1.EXAMPLE"), user: w.is("alice@example.org"), said: None };
    let phone = Device {
        id: w.is("DPEXAMPLE"),
        name: w.is("Pixel 9"),
        given: w.is("Pixel 9"),
        kind: DeviceKind::Phone,
        last_used: Some(w.is("2026-11-22T07:41:08Z")),
        refused: false,
        is_default: true,
        may_be_default: true,
        may_test: true,
        may_change: true,
    };
    let other = Device { is_default: false, may_test: false, ..phone };
    let devices = [
        phone,
        Device { id: w.is("WAPLATFORM"), name: w.is("MacBook"), kind: DeviceKind::Platform, ..other },
        Device {
            id: w.is("WAKEY"),
            name: w.is("YubiKey 5C — spare"),
            kind: DeviceKind::SecurityKey,
            last_used: None,
            refused: true,
            ..other
        },
        Device {
            id: w.is("DH"),
            name: w.is("00193827"),
            kind: DeviceKind::Token,
            may_change: false,
            may_be_default: false,
            ..other
        },
    ];
    let login = Login {
        id: w.is("LOGIN1"),
        at: w.is("2026-11-22T07:41:08Z"),
        application: w.is("Payroll & Holidays"),
        allowed: true,
        device: Some(w.is("Pixel 9")),
        from: w.is("Zürich, Switzerland · 198.51.100.7 · Firefox 140, Windows"),
        reported: false,
    };
    let logins = [
        login,
        Login { id: w.is("LOGIN2"), at: w.is("2026-11-21T22:03:40Z"), allowed: false, device: None, ..login },
        Login {
            id: w.is("LOGIN3"),
            at: w.is("2026-11-20T12:15:00Z"),
            application: w.is("VPN"),
            reported: true,
            ..login
        },
    ];
    let browser = RememberedBrowser {
        id: w.is("B1"),
        name: w.is("Firefox 140, Windows"),
        last_used: w.is("2026-11-22T07:41:08Z"),
        until: w.is("2026-12-22T07:41:08Z"),
        is_this: true,
    };
    let browsers =
        [browser, RememberedBrowser { id: w.is("B2"), name: w.is("Safari 26, iPhone"), is_this: false, ..browser }];
    let list = Devices { chrome, session, devices: &devices, add: Some(w.is("/portal/add")) };
    let test = TestPush { chrome, session, device: phone, number: Some(w.is("407 182")), seconds: 60 };
    let mut pages = vec![
        ("portal-devices".into(), list.render()?),
        ("portal-one-device".into(), Devices { devices: &devices[..1], ..list }.render()?),
        ("portal-no-device".into(), Devices { devices: &[], add: None, ..list }.render()?),
        ("portal-test".into(), test.render()?),
        ("portal-test-plain".into(), TestPush { number: None, ..test }.render()?),
        ("portal-logins".into(), Logins { chrome, session, logins: &logins }.render()?),
        ("portal-no-logins".into(), Logins { chrome, session, logins: &[] }.render()?),
        ("portal-not-me".into(), NotMe { chrome, session, login }.render()?),
        ("portal-browsers".into(), Browsers { chrome, session, browsers: &browsers }.render()?),
        ("portal-no-browsers".into(), Browsers { chrome, session, browsers: &[] }.render()?),
        ("portal-codes".into(), RecoveryCodes { chrome, session, left: 8 }.render()?),
        ("portal-no-codes".into(), RecoveryCodes { chrome, session, left: 0 }.render()?),
        ("portal-left".into(), Left { chrome, again: w.is("/portal") }.render()?),
    ];
    for (name, remaining) in [
        ("enough", Remaining::Enough),
        ("one", Remaining::One),
        ("none", Remaining::None),
        ("not-allowed", Remaining::NotAllowed),
    ] {
        let remove = Remove { chrome, session, device: phone, remaining, add: Some(w.is("/portal/add")) };
        pages.push((format!("portal-remove-{name}"), remove.render()?));
        pages.push((format!("portal-lost-{name}"), Lost { chrome, session, device: phone, remaining }.render()?));
    }
    for (number, said) in [
        Said::Renamed(w.is("Pixel 9")),
        Said::Removed(w.is("Pixel 9")),
        Said::Lost(w.is("Pixel 9")),
        Said::Default(w.is("Pixel 9")),
        Said::Added(w.is("Pixel 9")),
        Said::TestApproved(w.is("Pixel 9")),
        Said::TestFailed(w.is("Pixel 9")),
        Said::Forgotten,
        Said::AllForgotten,
        Said::Reported,
    ]
    .into_iter()
    .enumerate()
    {
        let session = Session { said: Some(said), ..session };
        pages.push((format!("portal-said-{number}"), Devices { session, devices: &devices[..2], ..list }.render()?));
    }
    Ok(pages)
}
