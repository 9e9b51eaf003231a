//! `POST /oauth/v1/token`: the code that the browser brought for an `id_token`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cs_engine::prompt::{AssertionUse, RedeemError};
use cs_wire::oidc::{Endpoint, IdToken, TokenAnswer, TokenError, TokenErrorCode, TokenRequest};
use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;

use super::client::{ClientError, Posted, prove};
use super::health_check::detail;
use super::told::Told;
use crate::app::App;
use crate::http::{Failure, refused_text};

pub(super) async fn token(State(app): State<App>, posted: Posted) -> Result<Response, Failure> {
    let refused = |error: TokenError| (StatusCode::BAD_REQUEST, Json(error)).into_response();
    let params = match &posted.params {
        Ok(params) => TokenRequest::from_params(params),
        Err(error) => Err(error.clone().into()),
    };
    let request = match params {
        Ok(request) => request,
        Err(error) => return Ok(refused(error)),
    };
    let client_id = request.client_id.as_deref();
    let proven = match prove(&app, &posted, client_id, &request.assertion, Endpoint::Token).await {
        Ok(proven) => proven,
        Err(ClientError::Engine(error)) => return Err(error.into()),
        Err(error) => return Ok(refused(TokenError::new(TokenErrorCode::InvalidClient, detail(&error)))),
    };
    app.count_request(proven.caller.account.id, proven.caller.integration.key)?;
    let used = AssertionUse { jti: &proven.assertion.jti, remember_until: proven.assertion.remember_until };
    let redeemed = app.engine().redeem_code(&proven.caller, used, &request.code, &request.redirect_uri).await?;
    let redeemed = match redeemed {
        Ok(redeemed) => redeemed,
        Err(error @ RedeemError::Replayed) => {
            return Ok(refused(TokenError::new(TokenErrorCode::InvalidClient, sentence(&error))));
        }
        Err(error @ RedeemError::NoSuchCode) => {
            return Ok(refused(TokenError::new(TokenErrorCode::InvalidGrant, sentence(&error))));
        }
        Err(RedeemError::Refused(why)) => {
            let error = TokenError::new(TokenErrorCode::InvalidGrant, refused_text(&why));
            return Ok(refused(error));
        }
    };
    let told = Told::of(&redeemed, &proven.client.integration);
    let id_token = IdToken {
        authority: &proven.assertion.authority,
        client_id: proven.client.integration.key.as_str(),
        username: &redeemed.asked_username,
        nonce: redeemed.nonce.as_deref(),
        auth_time: redeemed.admitted.at,
        issued_at: app.engine().clock().now(),
        context: told.context(),
    };
    let id_token = id_token.sign(proven.secret()).ok_or_else(|| Failure::internal(posted.info.id))?;
    Ok(Json(TokenAnswer::new(id_token, opaque()?)).into_response())
}

fn sentence(error: &RedeemError) -> String {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    text
}

/// An `access_token`: SDKs demand that there is one, and nothing takes it.
fn opaque() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Failure::internal("no-randomness"))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}
