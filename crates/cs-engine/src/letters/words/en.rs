//! English.

use super::Words;

pub(super) static WORDS: Words = Words {
    administrator_subject: "Your administrator account at {organisation}",
    administrator_what: "You are to administer the two-factor authentication of {organisation}.",
    administrator_how: "Set up your administrator account here:",
    administrator_link: "Set up your account",
    enroll_subject: "Set up two-factor authentication for {organisation}",
    enroll_what: "{organisation} protects your account {username} with a second factor.",
    enroll_how: "Set it up on this page; it takes about a minute. Have your phone at hand.",
    enroll_link: "Set up two-factor authentication",
    phone_how: "Open this link on your phone to set it up:",
    phone_link: "Set up this phone",
    until: "The link works until {time}.",
    not_expected: "The link works once and is for you alone: do not pass it on. If you did not expect this message, tell your administrator.",
    test_subject: "Test message of {organisation}",
    test_what: "Mail from this server arrives. There is nothing to do.",
    of: "{what} ({organisation})",
    when: "This was on {time}.",
    from: "It was asked for from {address}.",
    not_you: "If it was you, there is nothing to do. If it was not, tell your administrator at once.",
    device_added: ["A device was added", "A device was added to your account {username}: {device}."],
    device_renamed: ["A device was renamed", "A device of your account {username} is now called {device}."],
    device_first: [
        "Another device is asked first",
        "When you log in to your account {username}, {device} is now asked first.",
    ],
    device_removed: ["A device was removed", "A device was removed from your account {username}: {device}."],
    device_lost: [
        "A lost device was removed",
        "{device} was reported as lost and removed from your account {username}. Browsers that were remembered have to show a second factor again.",
    ],
    key_added: [
        "A security key or passkey was added",
        "A security key or passkey was added to your account {username}: {device}.",
    ],
    key_removed: [
        "A security key or passkey was removed",
        "A security key or passkey was removed from your account {username}: {device}.",
    ],
    browser_forgotten: [
        "A browser was forgotten",
        "A browser that was remembered for your account {username} has to show a second factor again.",
    ],
    browsers_forgotten: [
        "All browsers were forgotten",
        "Every browser that was remembered for your account {username} has to show a second factor again.",
    ],
    recovery_codes: [
        "New recovery codes",
        "New recovery codes were made for your account {username}. Those before are void.",
    ],
    bypass_codes: ["New bypass codes", "Bypass codes were made for your account {username} by an administrator."],
    login_reported: [
        "A login was reported",
        "A login to your account {username} was reported as somebody else's. The administrators have been told.",
    ],
    moved: [
        "Your authenticator is on a new device",
        "The authenticator of your account {username} is now on {device}. Where it was before, it no longer works.",
    ],
    move_undone: [
        "A new device was reported and removed",
        "Somebody reported that bringing the authenticator of your account {username} to {device} was not their doing. It was undone, and the administrators have been told.",
    ],
};
