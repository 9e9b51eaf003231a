//! The commands that answer no login.

use std::fs;

use fast_qr::QRBuilder;

use super::args::{Activate, Command, Remove, RequestException};
use super::error::CliError;
use super::select::none_waiting;
use super::shapes::{
    ActivateShape, ConfirmShape, ListShape, PasscodeShape, QrShape, RemoveShape, RequestShape, ShowShape, StatusShape,
    account_lines, field, label, request_lines, time_of_day,
};
use super::terminal::Style;
use super::{Context, answer, live};
use crate::activation::Activation;
use crate::authenticator::Authenticator;
use crate::clean::clean;
use crate::enrol::Introduction;
use crate::error::Error;
use crate::record::Record;
use cs_wire::device::{DeviceStatus, ExceptionKind, ExceptionsResponse, NewException};

pub(super) async fn dispatch(context: &mut Context<'_, '_>, command: &Command) -> Result<(), CliError> {
    match command {
        Command::Activate(arguments) => activate(context, arguments).await,
        Command::List => list(context),
        Command::Show { txid } => show(context, txid.as_deref()).await,
        Command::Approve(arguments) => answer::approve(context, arguments).await,
        Command::Deny(arguments) => answer::deny(context, arguments).await,
        Command::Passcode { outage } => passcode(context, outage.as_deref()),
        Command::Watch(arguments) => live::watch(context, arguments).await,
        Command::Status => status(context).await,
        Command::RequestException(arguments) => request_exception(context, arguments).await,
        Command::Exceptions => exceptions(context).await,
        Command::Rename { name } => rename(context, name).await,
        Command::Remove(arguments) => remove(context, arguments).await,
    }
}

async fn activate(context: &mut Context<'_, '_>, arguments: &Activate) -> Result<(), CliError> {
    let typed = match arguments.code.as_str() {
        "-" => context.terminal.input.line().await.unwrap_or_default(),
        code => code.to_owned(),
    };
    let activation = Activation::parse(&typed, arguments.origin.as_deref()).map_err(Error::from)?;
    if arguments.qr {
        return show_qr(context, &activation);
    }
    let ca_pem = match &arguments.ca_cert {
        None => None,
        Some(path) => Some(fs::read_to_string(path).map_err(|source| CliError::CaFile { path: path.clone(), source })?),
    };
    let introduction = Introduction {
        name: arguments.name.clone().unwrap_or_else(machine_name),
        class: arguments.class.into(),
        ca_pem,
    };
    let activated = Authenticator::activate(&activation, introduction, context.storage, context.environment).await?;
    let record = activated.authenticator.record();
    if context.json {
        let confirm = ConfirmShape { phrase: &activated.phrase, required: activated.must_confirm };
        return Ok(context.terminal.json(&ActivateShape { account: record.into(), confirm })?);
    }
    let mut lines = account_lines(context.terminal, record);
    lines.push(field("phrase", &context.terminal.paint(Style::Strong, &activated.phrase)));
    if activated.must_confirm {
        lines.push("Not active yet: confirm on the page that showed the code, if it shows the same phrase.".to_owned());
    } else {
        lines.push(context.terminal.paint(Style::Good, "Activated."));
    }
    say_all(context, &lines)
}

fn show_qr(context: &mut Context<'_, '_>, activation: &Activation) -> Result<(), CliError> {
    let link = activation.link();
    if context.json {
        return Ok(context.terminal.json(&QrShape { link: &link })?);
    }
    let code = QRBuilder::new(link.as_bytes()).build().map_err(|_| CliError::Qr)?;
    context.terminal.say(&code.to_str())?;
    Ok(context.terminal.say("Scan this with the phone that is to approve logins. The code works once.")?)
}

fn list(context: &mut Context<'_, '_>) -> Result<(), CliError> {
    let devices = match context.devices() {
        Ok(devices) => devices,
        // An empty list is a good answer for a program.
        Err(CliError::NoAccounts) if context.json => Vec::new(),
        Err(error) => return Err(error),
    };
    if context.json {
        let accounts = devices.iter().map(|device| device.record().into()).collect();
        return Ok(context.terminal.json(&ListShape { accounts })?);
    }
    for device in devices {
        let lines = account_lines(context.terminal, device.record());
        say_all(context, &lines)?;
    }
    Ok(())
}

async fn show(context: &mut Context<'_, '_>, txid: Option<&str>) -> Result<(), CliError> {
    let mut waiting = context.waiting().await?;
    waiting.retain(|waiting| txid.is_none_or(|txid| waiting.request.txid == txid));
    if waiting.is_empty() {
        return Err(none_waiting(txid));
    }
    if context.json {
        let requests =
            waiting.iter().map(|waiting| RequestShape::new(&waiting.request, waiting.device.server_now())).collect();
        return Ok(context.terminal.json(&ShowShape { requests })?);
    }
    for waiting in waiting {
        let lines = request_lines(context.terminal, &waiting.request, waiting.device.server_now());
        say_all(context, &lines)?;
    }
    Ok(())
}

fn passcode(context: &mut Context<'_, '_>, outage: Option<&str>) -> Result<(), CliError> {
    let device = context.device()?;
    let passcode = match outage {
        Some(group) => device.outage_code(group.trim())?,
        None => device.passcode()?,
    };
    if context.json {
        let (device_id, valid_until) = (&device.record().device_id, passcode.valid_until);
        return Ok(context.terminal.json(&PasscodeShape { device_id, passcode: passcode.expose(), valid_until })?);
    }
    // The bare code, so that it can be piped.
    context.terminal.say(passcode.expose())?;
    if let (true, Some(until)) = (context.terminal.is_interactive, passcode.valid_until) {
        let left = until.saturating_sub(device.server_now());
        context.terminal.say(&context.terminal.paint(Style::Faint, &format!("good for {left} s")))?;
    }
    Ok(())
}

async fn status(context: &mut Context<'_, '_>) -> Result<(), CliError> {
    let device = context.device()?;
    let status = device.status().await?;
    say_status(context, device.record(), &status)
}

async fn request_exception(context: &mut Context<'_, '_>, arguments: &RequestException) -> Result<(), CliError> {
    let kind = if arguments.code { ExceptionKind::Code } else { ExceptionKind::Bypass };
    let wish = NewException { kind, reason: arguments.reason.clone(), seconds: arguments.seconds };
    let asked = context.device()?.request_exception(&wish).await?;
    if context.json {
        return Ok(context.terminal.json(&asked)?);
    }
    let until = time_of_day(context.terminal, asked.expires);
    let line =
        format!("Asked ({}). An administrator decides until {until}; see countersign-device exceptions.", asked.id);
    Ok(context.terminal.say(&clean(&line, 300))?)
}

async fn exceptions(context: &mut Context<'_, '_>) -> Result<(), CliError> {
    let exceptions = context.device()?.exceptions().await?;
    if context.json {
        return Ok(context.terminal.json(&ExceptionsResponse { exceptions })?);
    }
    if exceptions.is_empty() {
        return Ok(context.terminal.say("You have asked for nothing.")?);
    }
    for asked in exceptions {
        let mut lines = vec![
            context.terminal.paint(Style::Strong, &clean(&asked.reason, 100)),
            field("id", &clean(&asked.id, 100)),
            field("state", &clean(&asked.state, 100)),
        ];
        if let Some(until) = asked.until {
            lines.push(field("until", &time_of_day(context.terminal, until)));
        }
        if let Some(note) = &asked.note {
            lines.push(field("note", &clean(note, 500)));
        }
        if let Some(code) = &asked.code {
            lines.push(field("code", &context.terminal.paint(Style::Strong, &clean(code, 100))));
        }
        say_all(context, &lines)?;
    }
    Ok(())
}

async fn rename(context: &mut Context<'_, '_>, name: &str) -> Result<(), CliError> {
    let device = context.device()?;
    let status = device.rename(name).await?;
    say_status(context, device.record(), &status)
}

fn say_status(context: &mut Context<'_, '_>, record: &Record, status: &DeviceStatus) -> Result<(), CliError> {
    if context.json {
        return Ok(context.terminal.json(&StatusShape::new(record, status))?);
    }
    let active = match status.active {
        true => context.terminal.paint(Style::Good, "active"),
        false => context.terminal.paint(Style::Bad, "not active: confirm it on the page that showed the code"),
    };
    let mut lines = vec![
        context.terminal.paint(Style::Strong, &clean(&label(record), 100)),
        field("device", &format!("{} ({})", clean(&status.name, 100), record.device_id)),
        field("class", record.class.as_str()),
        field("server", &clean(&record.origin, 100)),
        field("state", &active),
    ];
    if let Some(until) = status.auto_approve_until {
        let until = time_of_day(context.terminal, until);
        lines.push(field("auto", &format!("may approve by itself until {until}")));
    }
    for codes in &status.outages {
        let applications = clean(&codes.applications.join(", "), 200);
        lines.push(field("outage", &format!("passcode --outage {} is for {applications}", clean(&codes.group, 40))));
    }
    say_all(context, &lines)
}

async fn remove(context: &mut Context<'_, '_>, arguments: &Remove) -> Result<(), CliError> {
    let device = context.device()?;
    if !arguments.yes {
        let name = clean(&label(device.record()), 100);
        let question = format!("Remove {name} from this machine and destroy its key? Type yes:");
        let is_sure =
            context.can_ask() && context.terminal.ask(&question).await?.is_some_and(|typed| typed.trim() == "yes");
        if !is_sure {
            return Err(CliError::NotConfirmed);
        }
    }
    match arguments.local {
        true => device.forget()?,
        false => device.remove().await?,
    }
    if context.json {
        return Ok(context.terminal.json(&RemoveShape { device_id: &device.record().device_id, removed: true })?);
    }
    Ok(context.terminal.say("Removed.")?)
}

fn say_all(context: &mut Context<'_, '_>, lines: &[String]) -> Result<(), CliError> {
    for line in lines {
        context.terminal.say(line)?;
    }
    Ok(())
}

/// This machine's name, for people.
fn machine_name() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "command line".to_owned())
}
