//! From spawning the proxy to its first answer.

use super::backend::Backend;
use super::ours::Logs;
use super::peers;
use super::site::Site;
use crate::options::Bench;
use crate::stats::Spread;
use crate::table::{Report, Table};

const BAR_MS: f64 = 100.0;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let site = Site::new(bench, "proxy-start")?;
    let rounds = if bench.quick { 5 } else { 15 };
    let ms = |took: std::time::Duration| took.as_secs_f64() * 1e3;
    let (mut ours, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let proxy = site.proxy(bench, backend.address, Logs::Logins)?;
        ours.push(ms(proxy.program.took));
        resident.push(proxy.program.watched().resident_bytes()? as f64 / 1e6);
    }
    let (ours, resident) = (Spread::of(ours), Spread::of(resident));
    let mut table = Table::new(["proxy", "start to first answer, ms", "resident then, MB"]);
    table.row(["ours, Status-Server", &ours.show(1), &resident.show(1)]);
    if bench.peer {
        let mut peer = |who: &str, start: &dyn Fn() -> anyhow::Result<super::program::Program>| -> anyhow::Result<()> {
            let (mut took, mut resident) = (Vec::new(), Vec::new());
            for _ in 0..rounds.min(5) {
                let program = start()?;
                took.push(ms(program.took));
                resident.push(program.watched().resident_bytes()? as f64 / 1e6);
            }
            table.row([who, &Spread::of(took).show(1), &Spread::of(resident).show(1)]);
            Ok(())
        };
        peer("FreeRADIUS, a login", &|| peers::freeradius(&bench.fresh("proxy-freeradius")?, backend.address))?;
        peer("radsecproxy, a login", &|| peers::radsecproxy(&bench.fresh("proxy-radsecproxy")?, backend.address))?;
    }
    report.table("Start of a proxy", &table);
    report.bar(
        "start of the proxy to its first answered Status-Server",
        format!("< {BAR_MS} ms"),
        format!("{:.1} ms", ours.median),
        ours.median < BAR_MS,
    );
    Ok(())
}
