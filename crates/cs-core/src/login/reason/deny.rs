//! Why a login was refused: for each reason the log's word, what the person is told, what it means, what helps, and where that is documented.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal {
        user: $user:literal,
        admin: $admin:literal,
        remedy: $remedy:literal,
    })+) => {
        /// Why a login was refused, in the authentication log's words where Duo has one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DenyReason { $($(#[$doc])* $name,)+ }

        impl DenyReason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The log's word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What the person at the login is told: what happened and what to do. One line, because terminals show it.
            pub const fn user_text(self) -> &'static str {
                match self { $(Self::$name => $user,)+ }
            }

            /// What it means, for administrators.
            pub const fn admin_text(self) -> &'static str {
                match self { $(Self::$name => $admin,)+ }
            }

            /// What an administrator can do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }

            /// Where the book explains it.
            pub const fn anchor(self) -> &'static str {
                match self { $(Self::$name => concat!("docs/reasons.md#", $word),)+ }
            }
        }
    };
}

reasons! {
    /// The desktop agent's report was not signed by this device, or not by a device of this user.
    AgentReportUnverified = "agent_report_unverified" {
        user: "Your device could not prove that it is the one you registered. Open the desktop app there, or contact your help desk.",
        admin: "health_checks demands signed reports, or devices pinned to their users, and the report of the desktop agent met neither.",
        remedy: "Register the device's key for this user. If the device should be known: compare its identifier with the one in the log, someone may be replaying a report.",
    }
    /// Too many unanswered pushes in a short time; a cool-down is on.
    AnomalousPush = "anomalous_push" {
        user: "Too many login requests went unanswered. Use a passcode, or wait ten minutes and try again.",
        admin: "Several pushes to this user went unanswered within ten minutes, so that no further one is sent for a while.",
        remedy: "Ask the user whether the requests were theirs. If not, someone knows the password: change it.",
    }
    /// The address belongs to an anonymising network.
    AnonymousIp = "anonymous_ip" {
        user: "Logins through anonymising networks are not allowed here. Leave the VPN, proxy or Tor and try again.",
        admin: "The access address is on the operator's lists of anonymous networks, and anonymous_networks denies those.",
        remedy: "If the address is the organisation's own, take it off the list; the page of the policy shows how old the list is.",
    }
    /// The counter of a credential went back: there is a copy of its key.
    ClonedCredential = "cloned_credential" {
        user: "This security key or passkey is no longer accepted. Use another way, and tell your help desk.",
        admin: "The signature counter of the credential did not rise. A copy of its key explains that, so the credential is refused from then on.",
        remedy: "Find out from the user where the key has been. Remove the credential (`countersign admin passkey remove`) and have a new one registered.",
    }
    /// Nothing is known about whether the access device is managed.
    CouldNotDetermineIfEndpointWasTrusted = "could_not_determine_if_endpoint_was_trusted" {
        user: "This application is for managed devices, and yours could not be recognised. Contact your help desk.",
        admin: "trusted_endpoints demands a trusted device, and no source of trust could say anything about this one.",
        remedy: "Check that the desktop app runs on the device and that the management integration answers.",
    }
    /// The policy refuses everyone.
    DeniedByPolicy = "denied_by_policy" {
        user: "Access to this application is closed at the moment. Contact its owner or your help desk.",
        admin: "authentication_policy is set to deny, or the application was disabled while a push was waiting: nobody gets in.",
        remedy: "Set user_auth_behavior of the policy named in the trace to enforce, or enable the application, when it may be used again.",
    }
    /// The network is blocked, or is none of those that are let in.
    DeniedNetwork = "denied_network" {
        user: "Logins from your network are not allowed here. Use your organisation's network or VPN.",
        admin: "The access address is blocked by authorized_networks, or is absent or outside of the only networks it lets in.",
        remedy: "Add the network to the policy if it should get in. If no address was logged, the client does not send one or the proxy before the server is not trusted.",
    }
    /// The new-user policy refuses people without a factor.
    DenyUnenrolledUser = "deny_unenrolled_user" {
        user: "You are not enrolled. Ask your help desk to enroll you.",
        admin: "The person has no usable device, or is unknown here, and the new-user policy does not let such people in.",
        remedy: "Enroll the user (`countersign admin user enroll`), or change the new-user policy of the application.",
    }
    /// The desktop agent is required and did not report.
    DesktopAgentRequired = "desktop_agent_required" {
        user: "This application needs the desktop app on your computer. Install or open it and try again.",
        admin: "health_checks demands the desktop agent on this operating system, and no report younger than 15 minutes was there.",
        remedy: "Install the agent. In windows embedded in other programs it cannot be reached: open the login in a browser.",
    }
    /// No management system knows the access device.
    EndpointIsNotInManagementSystem = "endpoint_is_not_in_management_system" {
        user: "This application is for managed devices, and yours is not managed. Use a managed device or have yours enrolled.",
        admin: "trusted_endpoints demands a trusted device, and the management system does not list this one.",
        remedy: "Enroll the device in the management system, or add its identifier to the list of trusted ones.",
    }
    /// The management system does not vouch for the access device.
    EndpointIsNotTrusted = "endpoint_is_not_trusted" {
        user: "This device is not trusted for this application. Use another device or contact your help desk.",
        admin: "trusted_endpoints demands a trusted device; the management system knows this one and does not vouch for it.",
        remedy: "Look at the device in the management system: it is out of compliance, blocked or retired.",
    }
    /// Something on our side failed after the decision had begun.
    Error = "error" {
        user: "Something went wrong on our side. Please try again.",
        admin: "The decision could not be carried out: something failed on the server after it had begun.",
        remedy: "See the server's log for the reference id.",
    }
    /// The factor asked for is not one this user can use here.
    FactorRestricted = "factor_restricted" {
        user: "That way of authenticating is not available to you here. Choose another one.",
        admin: "No factor that this user has may be used here, or the one asked for may not.",
        remedy: "Give the user a device that can do it: `countersign admin user show` lists what there is.",
    }
    /// The access device's firewall is off.
    FirewallOff = "firewall_off" {
        user: "The firewall of your computer is off. Turn it on and try again.",
        admin: "health_checks demands a firewall, and the desktop agent reports that it is off or could not be found.",
        remedy: "Turn the firewall on; the desktop app shows where. A firewall of another vendor must be one the agent knows.",
    }
    /// An assertion that does not verify.
    InvalidCredential = "invalid_credential" {
        user: "Your security key or passkey was not accepted. Try again, or use another way.",
        admin: "What the browser sent is not an assertion by a credential of this user for this login: the log names what is wrong with it.",
        remedy: "A wrong origin or relying party is a page that imitates ours: find out where the person logged in. A credential that is not known was removed here.",
    }
    /// A device that does not exist or is not this user's.
    InvalidDevice = "invalid_device" {
        user: "That device is not one of yours. Choose another one.",
        admin: "The request named a device that does not exist or belongs to someone else.",
        remedy: "The client asked for a device id that is not attached to this user.",
    }
    /// Wrong, used, expired or out-of-step passcode.
    InvalidPasscode = "invalid_passcode" {
        user: "Invalid passcode, please try again.",
        admin: "No code of the user's matches: it was wrong, used before, too old, or far out of step.",
        remedy: "If codes of a token keep failing, enter three in a row to resynchronise it, or resynchronise it as administrator.",
    }
    /// The country is refused.
    LocationRestricted = "location_restricted" {
        user: "Logins from your location are not allowed here. Contact your help desk if you are travelling.",
        admin: "user_location denies the country of the access address or of the phone that answers, or denies the places it does not list and this one is unknown.",
        remedy: "Add the country to the policy, or to one for the person's group, for the time of the journey. An unknown place needs a newer country database.",
    }
    /// Too many failures.
    LockedOut = "locked_out" {
        user: "Your account is locked after too many failed attempts. Wait a while, or contact your help desk.",
        admin: "Too many failures in a row; nothing is evaluated until the lock ends.",
        remedy: "Unlock with `countersign admin user unlock`, after making sure that the failures were the user's own.",
    }
    /// The menu or page that the login began with is too old, or not this login's.
    LoginExpired = "login_expired" {
        user: "This login began too long ago. Start it again.",
        admin: "The menu or page was older than a login may be, or was made for another login.",
        remedy: "A menu can be answered for five minutes. If it was younger, the clocks of the servers differ.",
    }
    /// Only an authenticator would do, and the user has none.
    NoActivatedDuoMobileAccount = "no_activated_duo_mobile_account" {
        user: "This application needs an activated authenticator, and you have none. Activate one, or contact your help desk.",
        admin: "authentication_methods allows the authenticator alone, and the user has no phone with an activated one.",
        remedy: "Send the user an activation link, or allow a method that the user has.",
    }
    /// The phone or computer is not encrypted.
    NoDiskEncryption = "no_disk_encryption" {
        user: "Your device is not encrypted. Turn on its encryption (on Android with a PIN at start-up), reopen the app and try again.",
        admin: "full_disk_encryption demands it of the phone, or health_checks of the computer, and the device reports otherwise or cannot tell.",
        remedy: "Turn encryption on. On Samsung phones that is Secure startup or Strong protection.",
    }
    /// Nobody answered the push in time.
    NoResponse = "no_response" {
        user: "Authentication timed out.",
        admin: "The push was sent, and nobody answered it within 60 seconds.",
        remedy: "If the phone never showed the request, open the authenticator there: it fetches what waits.",
    }
    /// The phone has no screen lock.
    NoScreenLock = "no_screen_lock" {
        user: "Your phone has no screen lock. Set one, then try again.",
        admin: "screen_lock demands one of the phone that answers, and it has none or cannot tell.",
        remedy: "Set a PIN, pattern or password on the phone; another method of the user's works meanwhile.",
    }
    /// None of the demanded security agents runs on the access device.
    NoSecurityAgent = "no_security_agent" {
        user: "A security program that this application demands is not running on your computer. Start or install it and try again.",
        admin: "health_checks lists security agents for this operating system, and the desktop agent found none of them running.",
        remedy: "Install or start one of the listed agents; the log lists those that were found.",
    }
    /// The access device has no password.
    NoSystemPassword = "no_system_password" {
        user: "Your computer has no password. Set one and try again.",
        admin: "health_checks demands a password, and the desktop agent reports that none is set or could not find out.",
        remedy: "Set a password for the account. On Windows, password-protected sharing must be on too.",
    }
    /// A push was asked for by name where the menu offers one with a number to type.
    NumberNotShown = "number_not_shown" {
        user: "Choose the push by its number in the menu: your phone asks for the digits shown there.",
        admin: "A push was asked for without the number that the phone asks for.",
        remedy: "The user typed a word, or the client sends one: the menu's option carries the number that the phone asks for.",
    }
    /// The operating system or browser is too old.
    OutOfDate = "out_of_date" {
        user: "Your operating system or browser is out of date. Update it and try again.",
        admin: "operating_systems or browsers blocks versions as old as this one, the days of grace included, or a version that is unknown.",
        remedy: "Have it updated. If the version was unknown, install the desktop app: what browsers say of macOS and Windows is frozen.",
    }
    /// The operating system is blocked.
    PlatformRestricted = "platform_restricted" {
        user: "Your operating system may not be used here. Use another device.",
        admin: "operating_systems blocks the system of the access device or of the phone that answers.",
        remedy: "Take the system off block_os_list if it should be allowed.",
    }
    /// Another push for this user, application and source is still open.
    PushInProgress = "push_in_progress" {
        user: "Another login request is still waiting on your phone. Answer it there first, or use a passcode.",
        admin: "Another push for the same user, application and source address was still open.",
        remedy: "Two logins at the same moment from the same place: one answer admits only the login it was shown for.",
    }
    /// The phone is rooted or jailbroken.
    RootedDevice = "rooted_device" {
        user: "Your phone has been tampered with and cannot be used here. Use another device or a security key.",
        admin: "tampered_devices blocks rooted phones, and this one is, or cannot tell and unknown ones are blocked.",
        remedy: "Give the user another method: a security key, a hardware token, another phone.",
    }
    /// The browser is blocked.
    SoftwareRestricted = "software_restricted" {
        user: "Your browser may not be used here. Use another one.",
        admin: "browsers blocks this browser.",
        remedy: "Take the browser off blocked_browsers_list if it should be allowed.",
    }
    /// Too many messages or calls, or one just now.
    TelephonyLimit = "telephony_limit" {
        user: "No further message or call can be sent for now. Wait half a minute, or use another way to log in.",
        admin: "A message or call went out less than half a minute before, or as many as there may be in a day went to this person or number, or from this account.",
        remedy: "If the person did not ask for them, someone knows the password or is paid by the number: have the password changed. telephony.most_per_day is the account's limit.",
    }
    /// The authenticator does not ask for a finger or face.
    TouchIdDisabled = "touch_id_disabled" {
        user: "Your authenticator does not ask for your finger or face. Turn that on in its settings and try again.",
        admin: "mobile_device_biometrics demands it of the phone that answers, and it is off or the phone cannot tell.",
        remedy: "Have it turned on in the authenticator; phones without a sensor need another method.",
    }
    /// The application withdrew the request.
    UserCancelled = "user_cancelled" {
        user: "The login was cancelled.",
        admin: "The application gave up before the person had answered.",
        remedy: "Nothing to do.",
    }
    /// Status of the user or a group.
    UserDisabled = "user_disabled" {
        user: "Your account is disabled and cannot use this application. Contact your help desk.",
        admin: "The user, or a group the user is in, has the status disabled.",
        remedy: "Set the status of the user or group to active if that is no longer wanted.",
    }
    /// The person denied and called it fraud.
    UserMarkedFraud = "user_marked_fraud" {
        user: "Login request reported as fraudulent.",
        admin: "The person answered that someone else is trying to log in.",
        remedy: "Someone else may know the password: change it and look at the access address.",
    }
    /// The person denied and called it a mistake.
    UserMistake = "user_mistake" {
        user: "Login request denied.",
        admin: "The person denied the request and called it a mistake.",
        remedy: "Nothing to do, unless it happens again.",
    }
    /// The integration is for certain groups.
    UserNotInPermittedGroup = "user_not_in_permitted_group" {
        user: "You are not permitted to use this application. Contact its owner or your help desk.",
        admin: "The application is open to certain groups, or to nobody, and the user is in none of them.",
        remedy: "Add the user to a permitted group of the application.",
    }
    /// The key did not verify the person where that is demanded.
    UserNotVerified = "user_not_verified" {
        user: "Your security key must check that it is you. Set a PIN or finger on it, or use another way.",
        admin: "The policy, or a login without a password, demands that the key verifies the person, and it confirmed a touch alone.",
        remedy: "Have a PIN or finger set on the key. Old U2F keys cannot do that.",
    }
    /// The user is in the trash.
    UserPendingDeletion = "user_pending_deletion" {
        user: "Your account is disabled and cannot use this application. Contact your help desk.",
        admin: "The user is in the trash and will be deleted for good.",
        remedy: "Restore the user from the trash if the deletion was not meant.",
    }
    /// The authenticator is too old.
    VersionRestricted = "version_restricted" {
        user: "Your authenticator is too old. Update it and try again.",
        admin: "duo_mobile_app blocks this build of the authenticator, or one that does not tell its build.",
        remedy: "Have it updated: reload the web app while online, or install the newest release.",
    }
}

impl DenyReason {
    /// Reads the log's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }

    /// Whether the refusal counts towards lockout: wrong codes and explicit denials do, everything that a person did not do wrong does not (DESIGN section 4).
    pub const fn counts_towards_lockout(self) -> bool {
        match self {
            Self::InvalidCredential | Self::InvalidPasscode | Self::UserMarkedFraud | Self::UserMistake => true,
            Self::AgentReportUnverified
            | Self::AnomalousPush
            | Self::AnonymousIp
            | Self::ClonedCredential
            | Self::CouldNotDetermineIfEndpointWasTrusted
            | Self::DeniedByPolicy
            | Self::DeniedNetwork
            | Self::DenyUnenrolledUser
            | Self::DesktopAgentRequired
            | Self::EndpointIsNotInManagementSystem
            | Self::EndpointIsNotTrusted
            | Self::Error
            | Self::FactorRestricted
            | Self::FirewallOff
            | Self::InvalidDevice
            | Self::LocationRestricted
            | Self::LockedOut
            | Self::LoginExpired
            | Self::NoActivatedDuoMobileAccount
            | Self::NoDiskEncryption
            | Self::NoResponse
            | Self::NoScreenLock
            | Self::NoSecurityAgent
            | Self::NoSystemPassword
            | Self::NumberNotShown
            | Self::OutOfDate
            | Self::PlatformRestricted
            | Self::PushInProgress
            | Self::RootedDevice
            | Self::SoftwareRestricted
            | Self::TelephonyLimit
            | Self::TouchIdDisabled
            | Self::UserCancelled
            | Self::UserDisabled
            | Self::UserNotInPermittedGroup
            | Self::UserNotVerified
            | Self::UserPendingDeletion
            | Self::VersionRestricted => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md");

    #[test]
    fn every_reason_tells_people_and_administrators_what_to_do() {
        for reason in DenyReason::ALL {
            for text in [reason.user_text(), reason.admin_text(), reason.remedy()] {
                assert!(text.ends_with('.') && !text.contains('\n') && text.len() > 10, "{reason:?}: {text}");
            }
            assert_ne!(reason.user_text(), reason.admin_text(), "{reason:?}");
            assert_eq!(reason.anchor(), format!("docs/reasons.md#{}", reason.as_str()));
        }
    }

    /// The page is made from the table above; `COUNTERSIGN_WRITE_DOCS=1` makes it anew.
    #[test]
    fn the_page_of_reasons_is_this_table() {
        let mut page = String::from(
            "# Why a login was refused\n\nThe `reason` of a denied login in the authentication log. The person at the login reads the first line, with a reference id that the log shows \
             too.\nWhich policy decided, and on what fact, is in the log's policy trace. Made from the server's own texts: change those.\n",
        );
        for reason in DenyReason::ALL {
            let counts = if reason.counts_towards_lockout() { "\nIt counts towards lockout.\n" } else { "" };
            page.push_str(&format!(
                "\n## {}\n\n> {}\n\n{}\n{}\nRemedy: {}\n",
                reason.as_str(),
                reason.user_text(),
                reason.admin_text(),
                counts,
                reason.remedy()
            ));
        }
        if std::env::var_os("COUNTERSIGN_WRITE_DOCS").is_some() {
            std::fs::write(PAGE, &page).unwrap();
        }
        let written = std::fs::read_to_string(PAGE).unwrap();
        assert!(written == page, "docs/reasons.md is stale: run this test with COUNTERSIGN_WRITE_DOCS=1");
    }
}
