//! Which application a decision table belongs to, and what it is there: read off its query's header.
//!
//! In: the header, in which a line may say `Application: <name>.`, `Application: <name>, figures of merit.` or
//! `Application: <name>, working table.` Out: the name, the role, and the header without that line. Not here: how it looks.

/// Begins the line that names the application.
const LINE: &str = "Application:";

/// What a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It says how well the application does: shown first.
    Merit,
    /// Somebody acts on it.
    Decision,
    /// Other tables are made of it: folded.
    Working,
}

/// A decision table's place in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Application {
    /// Its name, as the job writes it; empty where the header names none.
    pub(super) name: String,
    pub(super) role: Role,
    /// The header's other lines.
    pub(super) what: String,
}

/// What a header says.
pub(super) fn of_header(header: &str) -> Application {
    let mut found = Application { name: String::new(), role: Role::Decision, what: String::new() };
    for line in header.lines() {
        if let Some(named) = line.trim().strip_prefix(LINE).filter(|_| found.name.is_empty()) {
            let named = named.trim().trim_end_matches('.');
            let (name, role) = match named.rsplit_once(',').map(|(name, role)| (name, role.trim())) {
                Some((name, "figures of merit")) => (name, Role::Merit),
                Some((name, "working table")) => (name, Role::Working),
                _ => (named, Role::Decision),
            };
            (found.name, found.role) = (capital(name.trim()), role);
            continue;
        }
        if !found.what.is_empty() {
            found.what.push(' ');
        }
        found.what.push_str(line.trim());
    }
    found
}

/// The name with a capital, as a heading has it.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, name: &str, role: Role, what: &str) {
        assert_eq!(of_header(header), Application { name: name.into(), role, what: what.into() });
    }

    #[test]
    fn a_header_names_the_application_and_the_role_of_its_table() {
        check("What to order.\nGrain: product.", "", Role::Decision, "What to order. Grain: product.");
        check("Application: inventory.\nWhat to order.", "Inventory", Role::Decision, "What to order.");
        check("How well.\nApplication: supply chain, figures of merit.", "Supply chain", Role::Merit, "How well.");
        check("Application: ads, working table.\nOptions.", "Ads", Role::Working, "Options.");
        check("Application: toys, games.\nAll.", "Toys, games", Role::Decision, "All.");
    }
}
