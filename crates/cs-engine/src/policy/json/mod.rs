//! Policies in the JSON of Duo's Admin API (Policies v2).
//!
//! | file | what |
//! | --- | --- |
//! | `sections` | every section with its keys, once, for reading and writing |
//! | `fields` | how a section tells its keys |
//! | `read`, `write` | who is told |
//! | `fault` | why a document is refused |
//!
//! Reading refuses what is unknown, of another kind or contradictory before anything is changed, and says where. Writing gives every key, so that a
//! document that was written is read back unchanged; it is also what the database holds.

mod fault;
mod fields;
mod read;
mod sections;
mod write;

use cs_core::each_section;
use cs_core::policy::sections::*;
use cs_core::policy::{Complete, Section, Sections, Word as _};
use serde_json::{Map, Value as Json};

pub use fault::{BadSetting, Why};
use read::Reader;
use sections::SectionFields;
use write::Writer;

/// Where a document names its sections.
const SECTIONS: &str = "sections";

macro_rules! read_and_write {
    ($($field:ident: $section:ident,)+) => {
        /// Reads the member `name` of `sections`, unless it is null, into `into`.
        fn read_one(section: Section, name: &str, json: &Json, into: &mut Sections) -> Result<(), BadSetting> {
            match section {
                $(Section::$section => {
                    if into.$field.is_some() {
                        return Err(BadSetting { at: name.to_owned(), why: Why::Twice });
                    }
                    into.$field = Some(read_section::<$section>(name, json)?);
                })+
            }
            Ok(())
        }

        fn write_one(section: Section, from: &Sections) -> Option<Json> {
            match section {
                $(Section::$section => from.$field.as_ref().map(write_section::<$section>),)+
            }
        }
    };
}

each_section!(read_and_write);

/// Reads sections by name: an object; nothing else. Each is checked by its own rules.
pub fn read_sections(json: &Json) -> Result<Sections, BadSetting> {
    let Json::Object(members) = json else {
        return Err(BadSetting { at: SECTIONS.to_owned(), why: Why::NotA("an object of sections by name") });
    };
    let mut sections = Sections::default();
    for (name, json) in members {
        read_one(section_named(name)?, name, json, &mut sections)?;
    }
    sections.validate()?;
    Ok(sections)
}

/// The section of that name, older names included.
pub fn section_named(name: &str) -> Result<Section, BadSetting> {
    let at = || name.chars().take(64).collect();
    Section::from_name(name).ok_or_else(|| BadSetting { at: at(), why: Why::UnknownSection })
}

/// Every section there is, in full.
pub fn write_sections(sections: &Sections) -> Map<String, Json> {
    let written = Section::ALL.iter().filter_map(|section| Some((section.as_str(), write_one(*section, sections)?)));
    written.map(|(name, json)| (name.to_owned(), json)).collect()
}

/// All sections, in full.
pub fn write_complete(complete: &Complete) -> Map<String, Json> {
    write_sections(&Sections::from(complete.clone()))
}

fn read_section<T: SectionFields>(name: &str, json: &Json) -> Result<T, BadSetting> {
    let mut section = T::default();
    Reader::read(name.to_owned(), json, |reader| section.fields(reader))?;
    match json {
        Json::Object(members) if members.is_empty() => Err(BadSetting { at: name.to_owned(), why: Why::EmptySection }),
        Json::Object(members) => {
            section.settle(members);
            Ok(section)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Err(BadSetting { at: name.to_owned(), why: Why::NotA("an object") })
        }
    }
}

fn write_section<T: SectionFields + Clone>(section: &T) -> Json {
    // The description of the fields wants a value that it may change; writing changes none.
    let mut copy = section.clone();
    Writer::object_of(|writer| copy.fields(writer))
}

#[cfg(test)]
mod tests;
