//! The names policies use: sections, methods, operating systems, browsers.

use super::word::words;

words! {
    /// A section of a policy, by its name in the Admin API. The last two are ours.
    Section {
        /// What happens to people without a factor.
        NewUser = "new_user",
        /// Whether a second factor is asked for at all.
        AuthenticationPolicy = "authentication_policy",
        /// Which factors may be used.
        AuthenticationMethods = "authentication_methods",
        /// Countries.
        UserLocation = "user_location",
        /// Networks.
        AuthorizedNetworks = "authorized_networks",
        /// Tor exits, open proxies, anonymous VPNs.
        AnonymousNetworks = "anonymous_networks",
        /// How long a device is not asked again.
        RememberedDevices = "remembered_devices",
        /// Managed access devices.
        TrustedEndpoints = "trusted_endpoints",
        /// What the desktop agent must report. Older documents call it `duo_desktop`.
        HealthChecks = "health_checks",
        /// Operating systems and their versions.
        OperatingSystems = "operating_systems",
        /// Browsers and their versions.
        Browsers = "browsers",
        /// Flash and Java: kept, without effect.
        Plugins = "plugins",
        /// The version of the authenticator.
        DuoMobileApp = "duo_mobile_app",
        /// Rooted phones.
        TamperedDevices = "tampered_devices",
        /// Phones without a screen lock.
        ScreenLock = "screen_lock",
        /// Phones without encryption.
        FullDiskEncryption = "full_disk_encryption",
        /// Phones that do not ask for a finger or face.
        MobileDeviceBiometrics = "mobile_device_biometrics",
        /// Whether risk demands stronger factors.
        RiskBasedFactorSelection = "risk_based_factor_selection",
        /// Ours: which signals of risk are watched, and which count.
        RiskSignals = "risk_signals",
        /// Ours: what lowers the demand.
        StepDown = "step_down",
    }

    /// A way to authenticate, as `allowed_auth_list` spells it.
    Method {
        /// A push.
        DuoPush = "duo-push",
        /// A push instead of the password.
        DuoPushPwl = "duo-push-pwl",
        /// Passcodes by SMS.
        Sms = "sms",
        /// A phone call.
        Phonecall = "phonecall",
        /// A passcode made by an authenticator on a phone.
        DuoPasscode = "duo-passcode",
        /// A code of a hardware token, a YubiKey's own included.
        HardwareToken = "hardware-token",
        /// The desktop agent as authenticator.
        Desktop = "desktop",
        /// A bypass code. Never restricted by a policy.
        Bypass = "bypass",
        /// A bypass code instead of the password.
        BypassPwl = "bypass-pwl",
        /// A passkey or key built into the access device.
        WebauthnPlatform = "webauthn-platform",
        /// A security key.
        WebauthnRoaming = "webauthn-roaming",
        /// A built-in passkey instead of the password.
        WebauthnPlatformPwl = "webauthn-platform-pwl",
        /// A security key with PIN or finger instead of the password.
        WebauthnRoamingPwl = "webauthn-roaming-pwl",
        /// Not a method but a demand: WebAuthn must verify the person (PIN, finger, face).
        WebauthnRequireUserVerification = "webauthn-require-user-verification",
        /// A smart card.
        SmartCard = "smart-card",
    }

    /// An operating system.
    Os {
        /// Android.
        Android = "android",
        /// BlackBerry OS.
        Blackberry = "blackberry",
        /// ChromeOS.
        ChromeOs = "chromeos",
        /// iOS and iPadOS.
        Ios = "ios",
        /// Linux on a desktop.
        Linux = "linux",
        /// macOS.
        Macos = "macos",
        /// Windows.
        Windows = "windows",
        /// Windows Phone.
        WindowsPhone = "windows-phone",
        /// Any other, and what did not say.
        Other = "other",
    }

    /// A browser. Mobile variants are browsers of their own, because they are released by themselves.
    Browser {
        /// Android's browser of old.
        Android = "android",
        /// BlackBerry's browser.
        Blackberry = "blackberry",
        /// Brave.
        Brave = "brave",
        /// Chrome.
        Chrome = "chrome",
        /// Chrome on Android and iOS.
        ChromeMobile = "chrome-mobile",
        /// Chromium.
        Chromium = "chromium",
        /// Edge.
        Edge = "edge",
        /// Edge on Android and iOS.
        EdgeMobile = "edge-mobile",
        /// Firefox.
        Firefox = "firefox",
        /// Firefox on Android and iOS.
        FirefoxMobile = "firefox-mobile",
        /// Internet Explorer.
        Ie = "ie",
        /// Internet Explorer on Windows Phone.
        IeMobile = "ie-mobile",
        /// Opera.
        Opera = "opera",
        /// Opera on Android and iOS.
        OperaMobile = "opera-mobile",
        /// Safari.
        Safari = "safari",
        /// Safari on iOS.
        SafariMobile = "safari-mobile",
        /// Samsung Internet.
        Samsung = "samsung",
        /// Any other, and what did not say.
        Other = "other",
    }
}

impl Os {
    /// Whether it runs phones and tablets.
    pub const fn is_mobile(self) -> bool {
        match self {
            Self::Android | Self::Blackberry | Self::Ios | Self::WindowsPhone => true,
            Self::ChromeOs | Self::Linux | Self::Macos | Self::Windows | Self::Other => false,
        }
    }
}

impl Section {
    /// Reads a name; `duo_desktop` is the older one of `health_checks`.
    pub fn from_name(name: &str) -> Option<Self> {
        use super::word::Word;
        if name == "duo_desktop" { Some(Self::HealthChecks) } else { Self::parse(name) }
    }
}
