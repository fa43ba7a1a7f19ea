//! Who may do what: the one table of application permissions on mail. `docs/graph.md` shows
//! it to people, and a test holds the two together.

use super::answer::GraphError;
use super::caller::GraphCaller;

/// What is done in a mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    /// Folders, and of messages everything but what is in them.
    ReadMail,
    /// Bodies, files, MIME streams and extended properties.
    ReadContents,
    WriteMail,
}

const READ: &str = "Mail.Read";
const WRITE: &str = "Mail.ReadWrite";

/// Which permissions allow an operation: one is enough.
const TABLE: [(Operation, &[&str]); 3] = [
    (Operation::ReadMail, &["Mail.ReadBasic", "Mail.ReadBasic.All", READ, WRITE]),
    (Operation::ReadContents, &[READ, WRITE]),
    (Operation::WriteMail, &[WRITE]),
];

// === impl GraphCaller ===

impl GraphCaller {
    /// Whether the caller may do this: by its token, and still.
    pub(super) fn may(&self, operation: Operation) -> bool {
        // An operation without rule is allowed to nobody.
        let allowed = TABLE.iter().filter(|(own, _)| *own == operation).flat_map(|(_, allowed)| *allowed);
        allowed.into_iter().any(|permission| self.holds(permission))
    }

    /// Refuses what the caller may not do.
    pub(super) fn check(&self, operation: Operation) -> Result<(), GraphError> {
        if self.may(operation) { Ok(()) } else { Err(GraphError::denied()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_this_table() {
        let shown = include_str!("../../../../docs/graph.md");
        for (operation, allowed) in TABLE {
            let allowed = allowed.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
            let row = format!("| `{operation:?}` | {allowed} |");
            assert!(shown.contains(&row), "docs/graph.md lacks\n{row}");
        }
    }

    #[test]
    fn every_permission_of_the_table_is_one_on_mail() {
        use actas_directory::app_role::MAIL;
        assert!(TABLE.iter().flat_map(|(_, allowed)| *allowed).all(|one| MAIL.contains(one)));
        assert!(MAIL.iter().all(|one| TABLE.iter().any(|(_, allowed)| allowed.contains(one))));
    }
}
