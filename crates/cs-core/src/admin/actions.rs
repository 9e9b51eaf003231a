//! What administrators do, finer than the table of roles and grouped into its rows.

/// A row of the table of roles: rights that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionRow {
    /// View logs.
    ViewLogs,
    /// Modify phones, tokens and bypass codes.
    ModifyDevices,
    /// Modify users and groups.
    ModifyUsers,
    /// Modify applications.
    ModifyApplications,
    /// Modify settings.
    ModifySettings,
    /// View and modify billing.
    Billing,
    /// View and modify administrators.
    Administrators,
    /// See users, groups and their devices.
    ViewUsers,
    /// See applications and policies.
    ViewApplications,
    /// Put a policy on an application.
    AssignPolicies,
    /// Unlock a user.
    UnlockUsers,
    /// Lock a user out; judge reports of fraud.
    LockUsers,
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $action:ident => $row:ident,)+) => {
        /// One thing an administrator, or the Admin API on one's behalf, does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $doc])+ $action,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action),+];

            /// The row of the table that grants it.
            pub fn row(self) -> ActionRow {
                match self {
                    $(Self::$action => ActionRow::$row,)+
                }
            }
        }
    };
}

actions! {
    /// Read the authentication log and reports on it.
    ViewAuthenticationLog => ViewLogs,
    /// Read the administrator and activity logs.
    ViewAdministratorLog => ViewLogs,
    /// Read the telephony log.
    ViewTelephonyLog => ViewLogs,
    /// Create, change, attach or delete phones and tablets.
    ModifyPhones => ModifyDevices,
    /// Send an activation link for a phone.
    SendActivation => ModifyDevices,
    /// Send SMS passcodes to a phone.
    SendSmsPasscodes => ModifyDevices,
    /// Send a push to check who is calling the help desk.
    SendVerificationPush => ModifyDevices,
    /// Create, attach, resynchronise or delete hardware tokens.
    ModifyTokens => ModifyDevices,
    /// Import tokens from a file.
    ImportTokens => ModifyDevices,
    /// Delete a passkey or security key.
    DeleteWebauthnCredentials => ModifyDevices,
    /// Create bypass codes.
    CreateBypassCodes => ModifyDevices,
    /// Delete bypass codes.
    DeleteBypassCodes => ModifyDevices,
    /// End a user's remembered devices.
    ForgetRememberedDevices => ModifyDevices,
    /// Create users, or import them.
    CreateUsers => ModifyUsers,
    /// Change names, aliases, addresses and notes.
    ModifyUserAttributes => ModifyUsers,
    /// Change a user's status (active, bypass, disabled).
    ModifyUserStatus => ModifyUsers,
    /// Move users to the trash, restore or purge them.
    DeleteUsers => ModifyUsers,
    /// Send enrollment mails.
    SendEnrollment => ModifyUsers,
    /// Create, change or delete groups and their members.
    ModifyGroups => ModifyUsers,
    /// Set up and run the synchronisation of users with a directory.
    SyncUsers => ModifyUsers,
    /// Create, change or delete applications.
    ModifyIntegrations => ModifyApplications,
    /// See or rotate an application's secret key.
    RevealIntegrationSecrets => ModifyApplications,
    /// Change the account's settings and branding.
    ModifyAccountSettings => ModifySettings,
    /// Create, change or delete policies.
    ModifyPolicies => ModifySettings,
    /// Change telephony and mail gateways.
    ModifyTelephonySettings => ModifySettings,
    /// See plan and credits.
    ViewBilling => Billing,
    /// Change plan and credits.
    ModifyBilling => Billing,
    /// See administrators and their roles.
    ViewAdministrators => Administrators,
    /// Create, change or delete administrators.
    ModifyAdministrators => Administrators,
    /// Create, change or delete administrative units.
    ModifyAdministrativeUnits => Administrators,
    /// Change how administrators log in.
    ModifyAdministratorLogin => Administrators,
    /// Create, change or see the secret of an application for the Admin API or the Accounts API: whoever holds such a
    /// key can make administrators.
    ModifyAdminApiIntegrations => Administrators,
    /// Switch single sign-on on, and change its sources.
    ModifySingleSignOn => Administrators,
    /// Sign an emergency token for a proxy or host.
    SignEmergencyTokens => Administrators,
    /// See users and groups.
    ViewUserList => ViewUsers,
    /// See phones, tokens, passkeys and bypass codes (never the codes).
    ViewDevices => ViewUsers,
    /// See access devices.
    ViewEndpoints => ViewUsers,
    /// See applications without their secrets.
    ViewIntegrations => ViewApplications,
    /// See policies.
    ViewPolicies => ViewApplications,
    /// Put a policy on an application, or take it off.
    AssignPolicy => AssignPolicies,
    /// Unlock a user who is locked out.
    UnlockUser => UnlockUsers,
    /// Lock a user out.
    LockUser => LockUsers,
    /// Judge a report of fraud.
    ProcessSecurityEvents => LockUsers,
}
