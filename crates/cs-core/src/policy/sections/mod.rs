//! The sections of a policy, one file each: keys, values and defaults as in Duo's Admin API (Policies v2), with what we add named as ours.
//!
//! `Default` of a section is what the global policy of a new account says. `validate` refuses what contradicts itself or leaves nobody a way in.
//! Field names are the API's keys where a key is one field; where they differ, the field's comment names the key.

mod anonymous_networks;
mod authentication_methods;
mod authentication_policy;
mod authorized_networks;
mod browsers;
mod duo_mobile_app;
mod health_checks;
mod new_user;
mod operating_systems;
mod phone_state;
mod plugins;
mod remembered_devices;
mod risk_based_factor_selection;
mod risk_signals;
mod step_down;
mod trusted_endpoints;
mod user_location;

pub use anonymous_networks::{AnonymousAccess, AnonymousNetworks};
pub use authentication_methods::{AuthenticationMethods, PushWithoutDisplay};
pub use authentication_policy::{AuthenticationPolicy, UserAuthBehavior};
pub use authorized_networks::{AuthorizedNetworks, NetworkStanding};
pub use browsers::{Browsers, OutOfDate};
pub use duo_mobile_app::{AppRule, DuoMobileApp};
pub use health_checks::{Enforcement, HealthChecks, PlatformChecks, SecurityAgents};
pub use new_user::NewUser;
pub use operating_systems::{OperatingSystems, OsRestriction, VersionRule};
pub use phone_state::{FullDiskEncryption, MobileDeviceBiometrics, PhoneVerdict, ScreenLock, TamperedDevices};
pub use plugins::{PluginRule, Plugins};
pub use remembered_devices::{
    BrowserApps, Remember, RememberFor, RememberMethod, RememberScope, RememberedDevices, TimeUnit,
};
pub use risk_based_factor_selection::RiskBasedFactorSelection;
pub use risk_signals::{RiskSignals, Signal, SignalMode};
pub use step_down::{Lowered, StepDown, StepDownRule};
pub use trusted_endpoints::{EndpointChecking, TrustedEndpoints};
pub use user_location::{LocationAction, UserLocation};

/// Hands every section, as `field: Type,` of [`Sections`](crate::policy::Sections), to the macro it is given: the one list that all code about sections is written from.
#[macro_export]
macro_rules! each_section {
    ($then:ident) => {
        $then! {
            new_user: NewUser,
            authentication_policy: AuthenticationPolicy,
            authentication_methods: AuthenticationMethods,
            user_location: UserLocation,
            authorized_networks: AuthorizedNetworks,
            anonymous_networks: AnonymousNetworks,
            remembered_devices: RememberedDevices,
            trusted_endpoints: TrustedEndpoints,
            health_checks: HealthChecks,
            operating_systems: OperatingSystems,
            browsers: Browsers,
            plugins: Plugins,
            duo_mobile_app: DuoMobileApp,
            tampered_devices: TamperedDevices,
            screen_lock: ScreenLock,
            full_disk_encryption: FullDiskEncryption,
            mobile_device_biometrics: MobileDeviceBiometrics,
            risk_based_factor_selection: RiskBasedFactorSelection,
            risk_signals: RiskSignals,
            step_down: StepDown,
        }
    };
}
