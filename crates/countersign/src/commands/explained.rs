//! Words for arguments that mean the same in every command: said once, shown in the help of each.

use clap::{Arg, Command};

/// Where the help lists what every command has: behind the command's own arguments, before --help.
const LATE: usize = 900;

/// `command` and all below it, with a sentence for each argument that has none of its own.
pub(crate) fn explained(command: Command) -> Command {
    command.mut_args(explain).mut_subcommands(explained)
}

fn explain(argument: Arg) -> Arg {
    let argument = match (argument.get_help(), words(argument.get_id().as_str())) {
        (None, Some(words)) => argument.help(words),
        (Some(_), _) | (None, None) => argument,
    };
    if argument.is_global_set() { argument.display_order(LATE) } else { argument }
}

fn words(argument: &str) -> Option<&'static str> {
    Some(match argument {
        "user" => "Username, alias or id",
        "username" => "As the applications send it",
        "users" => "Usernames, aliases or ids",
        "firstname" => "First name",
        "lastname" => "Last name",
        "email" => "Mail address",
        "notes" => "Remarks, for administrators",
        "description" => "What it is for",
        "status" => "Whether the second factor is asked for: active asks, bypass does not, disabled lets nobody in",
        "setting" => "Whether they are honoured",
        "slot" => "Which of the eight aliases",
        "remove" => "Remove what is in the slot",
        "browser" => "Its id, as `browsers` lists it",
        "group" => "Name or id of a group",
        "phone" => "Id, number or label of a phone, or a user who has only one",
        "extension" => "What is dialled behind the number: digits, * # and commas",
        "token" => "Serial (or TYPE:SERIAL) or id of a token",
        "owner" => "Whose it is; empty for nobody's",
        "codes" => "Codes in the order in which the token shows them",
        "key" => "Its id, as `list` shows it",
        "id" => "Its id, as `list` shows it",
        "all" => "Those that were decided, too",
        "integration" => "Name or integration key (DI…) of an application",
        "administrator" => "Mail address or id of an administrator",
        "role" => {
            "Owner, Administrator, \"Application Manager\", \"User Manager\", \"Help Desk\", Billing or Read-only"
        }
        "to" => "The address it goes to",
        "limit" => "At most so many, the newest",
        "reference" => "The reference id that the user was shown, or the whole id",
        "policy" => "Name or key of a policy, or `global`",
        "policies" => "Names or keys of policies, or `global`",
        "settings" => "Settings, such as user_location.deny_access_countries_list=KP,IR",
        "sections" => "Sections, such as user_location",
        "version" => "Its number, as `history` lists it",
        "directory" => "Name or key of a directory",
        "name" => "The name",
        "names" => "The names",
        "file" => "The file, or - for standard input",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unexplained(command: &Command, path: &str, found: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let bare = command.get_arguments().filter(|argument| argument.get_help().is_none());
        found.extend(bare.map(|argument| format!("{path}: {}", argument.get_id())));
        command.get_subcommands().for_each(|below| unexplained(below, &path, found));
    }

    #[test]
    fn what_every_command_has_stands_behind_its_own_arguments() {
        let mut command = crate::cli::command();
        command.build();
        let found = ["admin", "bypass", "create"]
            .iter()
            .try_fold(&mut command, |command, name| command.find_subcommand_mut(name));
        let help = found.unwrap().render_help().to_string();
        let order: Vec<Option<usize>> =
            ["--count", "--reason", "--data", "--help"].iter().map(|name| help.find(name)).collect();
        assert!(order.is_sorted() && order.iter().all(Option::is_some), "{help}");
    }

    #[test]
    fn every_argument_of_every_command_is_explained() {
        let mut found = Vec::new();
        unexplained(&crate::cli::command(), "", &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }
}
