//! The power goes: what was not synced is lost, what was acknowledged is not.

use e2e::Site;
use e2e::crash::{Disk, Trial, Unsynced};

fn site_on(disk: &Disk) -> Site {
    Site::start_in(disk.path(), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_no_acknowledged_login() {
    let mut disk = Disk::mount();
    let site = tokio::task::block_in_place(|| site_on(&disk));
    let mut trial = tokio::task::block_in_place(|| Trial::of(site, None, 60));
    for cut in 0..6 {
        let unsynced = if cut % 2 == 0 { Unsynced::Lost } else { Unsynced::SomeKept(cut) };
        let syncs = disk.syncs();
        trial.crash(60, || disk.cut_power(unsynced)).await;
        assert!(disk.syncs() > syncs, "logins are synced");
    }
    let figures = trial.finish().await;
    assert!(figures.acknowledged >= 360, "{figures:?}");
    eprintln!("{figures:?}");
}

#[test]
fn a_power_cut_right_after_bootstrap_loses_no_credentials() {
    let mut disk = Disk::mount();
    let mut site = site_on(&disk);
    // They trust the authority of before the cut.
    let (auth, admin) = (site.auth(), site.admin());
    site.kill();
    disk.cut_power(Unsynced::Lost);
    site.serve();
    auth.get("/auth/v2/check", &[]).ok();
    admin.get("/admin/v1/info/summary", &[]).ok();
}
