//! Writes an example of every page in every language into a folder, to be looked at in a browser:
//! `cargo run -p cs-pages --example render_pages -- FOLDER`.

use std::path::PathBuf;

use cs_pages::{Assets, Language, examples};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("say which folder to write into")?);
    for asset in Assets::built_in().iter() {
        let path = folder.join(asset.path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        std::fs::write(path, asset.content)?;
    }
    for language in Language::ALL {
        for (name, html) in examples::all(language)? {
            // Opened as files, the pages find their assets beside them.
            let html = html.replace("\"/assets/", "\"assets/");
            std::fs::write(folder.join(format!("{}-{name}.html", language.tag())), html)?;
        }
    }
    Ok(())
}
