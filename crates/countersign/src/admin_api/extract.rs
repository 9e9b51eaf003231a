//! Requests of the Admin API: signed by an integration that has the permission the endpoint asks for.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::RequestExt as _;
use axum::extract::{FromRequest, RawPathParams, Request};
use cs_core::integration::{Integration, IntegrationType, Permission};
use cs_core::network::NetworkList;
use cs_engine::admin::Actor;
use cs_store::accounts::Account;
use cs_wire::envelope::{Code, Failure as WireFailure};
use cs_wire::params::{ParamError, Params};
use http::Method;

use crate::app::App;
use crate::http::{Door, Failure, ListSlot, authenticate};

/// The Admin API: only its own integrations, only with a date, and refusals are what they are.
pub struct AdminApi;

impl Door for AdminApi {
    fn admits(kind: &IntegrationType) -> bool {
        kind.is_admin_api()
    }
}

/// What an endpoint asks of the integration that calls it: one of these permissions is enough.
pub trait Right: Send + Sync + 'static {
    /// The permissions.
    const ANY_OF: &'static [Permission];
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident: $($permission:ident)|+;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Right for $name {
            const ANY_OF: &'static [Permission] = &[$(Permission::$permission),+];
        }
    )*};
}

rights! {
    /// Read users, groups and devices.
    ReadResource: ReadResource;
    /// Change users, groups and devices.
    WriteResource: WriteResource;
    /// See applications.
    ReadIntegrations: Integrations | ReadResource;
    /// Change applications and see their secrets.
    Integrations: Integrations;
    /// See administrators.
    ReadAdmins: Admins | AdminsRead;
    /// Change administrators.
    Admins: Admins;
    /// Read logs.
    ReadLog: ReadLog;
    /// See and change settings.
    Settings: Settings;
    /// Read counts.
    Info: Info;
    /// Change policies: beside this permission, the handler asks for the one to change resources.
    WritePolicies: Settings;
}

/// A request of the Admin API, its signature, network and permission checked.
pub struct SignedAdmin<R> {
    /// The account that the host name selected.
    pub account: Arc<Account>,
    /// The integration.
    pub integration: Arc<Integration>,
    /// The parameters, only those the signature covers.
    pub params: Params,
    /// Where the request comes from.
    pub address: IpAddr,
    path: HashMap<String, String>,
    right: PhantomData<R>,
    /// Reads take part in the room for lists: however many are asked for, logins go first.
    _slot: Option<ListSlot>,
}

impl<R> SignedAdmin<R> {
    /// Who makes the change, for the log.
    pub fn actor(&self) -> Actor {
        Actor::Integration(self.integration.key)
    }

    /// Whether the integration has `permission` besides the one the endpoint asks for.
    pub fn has(&self, permission: Permission) -> bool {
        self.integration.permissions.allow(permission)
    }

    /// The id `name` of the path. What cannot be one is an object that does not exist.
    pub fn id<T: FromStr>(&self, name: &str) -> Result<T, Failure> {
        self.id_if_any(name).ok_or_else(not_found)
    }

    /// As [`id`](Self::id) where a missing object is a success: `None` if it cannot be an id.
    pub fn id_if_any<T: FromStr>(&self, name: &str) -> Option<T> {
        self.path.get(name).and_then(|text| text.parse().ok())
    }

    /// The id in the parameter `name`, which must be there.
    pub fn id_param<T: FromStr>(&self, name: &'static str) -> Result<T, Failure> {
        self.params.required(name, 64)?.parse().map_err(|_| invalid(name))
    }

    /// `limit` and `offset` of a list: too large a limit is clamped to `most`, never refused, because clients ask for more than is documented.
    pub fn page(&self, most: u32) -> Result<Page, Failure> {
        let limit = self.params.int("limit")?.unwrap_or(100).clamp(1, i64::from(most));
        let offset = self.params.int("offset")?.unwrap_or(0);
        let offset = u32::try_from(offset).map_err(|_| ParamError::Invalid("offset".into()))?;
        Ok(Page { limit: u32::try_from(limit).unwrap_or(most), offset })
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// At most this many.
    pub limit: u32,
    /// After leaving out this many.
    pub offset: u32,
}

impl Page {
    /// The paging of an answer, of `total` objects in all.
    pub fn of(self, total: i64) -> cs_wire::envelope::Paging {
        cs_wire::envelope::Paging::new(
            u64::from(self.offset),
            u64::from(self.limit),
            u64::try_from(total).unwrap_or_default(),
        )
    }
}

impl<R: Right> FromRequest<App> for SignedAdmin<R> {
    type Rejection = Failure;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Failure> {
        // A path that is not text names no object; that is said after the signature was checked.
        let path = match request.extract_parts::<RawPathParams>().await {
            Ok(params) => params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            Err(_) => HashMap::new(),
        };
        let reads = request.method() == Method::GET;
        let authentic = authenticate::<AdminApi>(request, app).await?;
        let integration = authentic.integration;
        // A list that cannot be read lets nobody in.
        let is_from_there = NetworkList::parse(&integration.networks_for_api_access)
            .is_some_and(|networks| networks.is_empty() || networks.contains(authentic.client));
        if !is_from_there {
            return Err(forbidden("This integration may not be called from this address."));
        }
        if !R::ANY_OF.iter().any(|permission| integration.permissions.allow(*permission)) {
            let names: Vec<&str> = R::ANY_OF.iter().map(|permission| permission.name()).collect();
            return Err(forbidden(format!("This integration lacks the permission {}.", names.join(" or "))));
        }
        let slot = if reads { Some(app.gate().list().await?) } else { None };
        Ok(Self {
            account: authentic.account,
            integration,
            params: authentic.params,
            address: authentic.client,
            path,
            right: PhantomData,
            _slot: slot,
        })
    }
}

pub(super) fn forbidden(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    WireFailure::new(Code::Forbidden, detail).into()
}

/// 40002 for the parameter `name`.
pub(super) fn invalid(name: &'static str) -> Failure {
    ParamError::Invalid(name.into()).into()
}

/// 40401: there is no such object, or it belongs to somebody else.
pub(super) fn not_found() -> Failure {
    cs_engine::EngineError::NotFound.into()
}

/// An id in a path. What cannot be one is an object that does not exist.
pub(super) fn path_id<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| not_found())
}
