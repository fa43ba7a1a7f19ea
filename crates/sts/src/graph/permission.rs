//! Who may do what: the one table of application permissions. `docs/graph.md` shows it to
//! people, and a test holds the two together.

use super::answer::GraphError;
use super::caller::Caller;

/// What is done to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    AddApplication,
    AddUser,
    ChangeApplication,
    ChangeCredentials,
    ChangeKeysWithProof,
    ChangeUser,
    DeleteUser,
    EnableUser,
    NamePrincipal,
    ReadApplication,
    ReadAssignments,
    ReadDomains,
    ReadOrganization,
    ReadUser,
    SetPassword,
    WriteAssignments,
}

/// Which permissions allow an operation, by what the object is to the caller.
struct Rule {
    operation: Operation,
    /// On any object.
    any: &'static [&'static str],
    /// On objects that name the caller as their owner.
    owned: &'static [&'static str],
    /// On the caller's own application and principal.
    own: Own,
}

/// What it takes on the caller's own application and principal.
enum Own {
    /// Nothing but being it.
    Free,
    /// What it takes on any object.
    Same,
    /// This, too, is enough.
    With(&'static str),
}

/// What an object is to the caller.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Relation {
    /// The caller's own application or principal.
    pub(super) own: bool,
    /// The caller is among its owners.
    pub(super) owned: bool,
}

const OWNED_BY: &str = "Application.ReadWrite.OwnedBy";
const WRITE_ALL: &str = "Application.ReadWrite.All";
const DIRECTORY_READ: &str = "Directory.Read.All";
const DIRECTORY_WRITE: &str = "Directory.ReadWrite.All";
const ASSIGN: &str = "AppRoleAssignment.ReadWrite.All";

const TABLE: [Rule; 16] = [
    Rule { operation: Operation::AddApplication, any: &[WRITE_ALL, OWNED_BY], owned: &[], own: Own::Same },
    Rule { operation: Operation::AddUser, any: &["User.ReadWrite.All", DIRECTORY_WRITE], owned: &[], own: Own::Same },
    // Names, state, roles; deleting and restoring.
    Rule { operation: Operation::ChangeApplication, any: &[WRITE_ALL], owned: &[OWNED_BY], own: Own::Same },
    // Keys by PATCH, secrets.
    Rule { operation: Operation::ChangeCredentials, any: &[WRITE_ALL], owned: &[OWNED_BY], own: Own::With(OWNED_BY) },
    // addKey and removeKey: the proof is the permission.
    Rule { operation: Operation::ChangeKeysWithProof, any: &[WRITE_ALL], owned: &[OWNED_BY], own: Own::Free },
    Rule {
        operation: Operation::ChangeUser,
        any: &["User.ReadWrite.All", DIRECTORY_WRITE],
        owned: &[],
        own: Own::Same,
    },
    Rule {
        operation: Operation::DeleteUser,
        any: &["User.ReadWrite.All", "User.DeleteRestore.All"],
        owned: &[],
        own: Own::Same,
    },
    Rule {
        operation: Operation::EnableUser,
        any: &["User.EnableDisableAccount.All", "User.ReadWrite.All", DIRECTORY_WRITE],
        owned: &[],
        own: Own::Same,
    },
    // servicePrincipalNames: whoever has a name receives the tokens that are asked for
    // under it, so owning the object is not enough.
    Rule { operation: Operation::NamePrincipal, any: &[WRITE_ALL], owned: &[], own: Own::Same },
    Rule {
        operation: Operation::ReadApplication,
        any: &["Application.Read.All", WRITE_ALL, DIRECTORY_READ, DIRECTORY_WRITE],
        owned: &[OWNED_BY],
        own: Own::Free,
    },
    Rule {
        operation: Operation::ReadAssignments,
        any: &["Application.Read.All", WRITE_ALL, DIRECTORY_READ, DIRECTORY_WRITE, ASSIGN],
        owned: &[OWNED_BY],
        own: Own::Free,
    },
    Rule {
        operation: Operation::ReadDomains,
        any: &["Domain.Read.All", "Organization.Read.All", DIRECTORY_READ, DIRECTORY_WRITE],
        owned: &[],
        own: Own::Same,
    },
    Rule {
        operation: Operation::ReadOrganization,
        any: &["Organization.Read.All", DIRECTORY_READ, DIRECTORY_WRITE, WRITE_ALL],
        owned: &[],
        own: Own::Same,
    },
    Rule {
        operation: Operation::ReadUser,
        any: &["User.Read.All", "User.ReadWrite.All", DIRECTORY_READ, DIRECTORY_WRITE],
        owned: &[],
        own: Own::Same,
    },
    // passwordProfile; not that of an administrator, which is seeded alone.
    Rule { operation: Operation::SetPassword, any: &["User.ReadWrite.All"], owned: &[], own: Own::Same },
    Rule { operation: Operation::WriteAssignments, any: &[ASSIGN], owned: &[], own: Own::Same },
];

// === impl Caller ===

impl Caller {
    /// Whether the caller may do this to an object of that relation.
    pub(super) fn may(&self, operation: Operation, relation: Relation) -> bool {
        // An operation without rule is allowed to nobody.
        TABLE.iter().filter(|rule| rule.operation == operation).any(|rule| {
            let own = match rule.own {
                Own::Free => true,
                Own::Same => false,
                Own::With(permission) => self.holds(&[permission]),
            };
            self.holds(rule.any) || (relation.owned && self.holds(rule.owned)) || (relation.own && own)
        })
    }

    /// Refuses what the caller may not do.
    pub(super) fn check(&self, operation: Operation, relation: Relation) -> Result<(), GraphError> {
        if self.may(operation, relation) { Ok(()) } else { Err(GraphError::denied()) }
    }

    /// Refuses what takes a permission on every object.
    pub(super) fn check_any(&self, operation: Operation) -> Result<(), GraphError> {
        self.check(operation, Relation::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_one_rule() {
        for (index, rule) in TABLE.iter().enumerate() {
            assert!(TABLE[index + 1..].iter().all(|other| other.operation != rule.operation), "{:?}", rule.operation);
        }
    }

    #[test]
    fn the_documentation_shows_this_table() {
        let shown = include_str!("../../../../docs/graph.md");
        for rule in &TABLE {
            let list = |permissions: &[&str]| match permissions {
                [] => "–".to_owned(),
                all => all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "),
            };
            let own = match rule.own {
                Own::Free => "no permission".to_owned(),
                Own::Same => "–".to_owned(),
                Own::With(permission) => format!("`{permission}`"),
            };
            let row = format!("| `{:?}` | {} | {} | {own} |", rule.operation, list(rule.any), list(rule.owned));
            assert!(shown.contains(&row), "docs/graph.md lacks\n{row}");
        }
    }

    #[test]
    fn every_permission_of_the_table_can_be_assigned() {
        use actas_directory::app_role::service_of;
        for permission in TABLE.iter().flat_map(|rule| rule.any.iter().chain(rule.owned)) {
            assert_eq!(service_of(permission), Some(actas_directory::well_known::GRAPH), "{permission}");
        }
    }
}
