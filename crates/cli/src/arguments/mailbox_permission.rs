//! `MailboxPermission`: who may open somebody else's mailbox.

use clap::{Args, ValueEnum};

use super::{
    change::{Change, Organization},
    value,
};

/// Lets a user, or a linked account, open somebody else's mailbox
#[derive(Args, Clone, Debug)]
#[command(after_help = ADD_EXAMPLES)]
pub(crate) struct Add {
    #[command(flatten)]
    pub(crate) about: About,
    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Shows who may open whose mailbox, beside everybody the own one
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// User whose mailbox it is [default: all]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// User who may open it [default: all]
    #[arg(long, value_parser = value::name)]
    pub(crate) user: Option<String>,

    #[command(flatten)]
    pub(crate) organization: Organization,
}

/// Takes back that a user may open somebody else's mailbox
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) about: About,
    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Who may do what where.
#[derive(Args, Clone, Debug)]
pub(crate) struct About {
    /// User whose mailbox it is, such as `adele@contoso.example`
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    /// User who may open it
    #[arg(long, value_parser = value::name)]
    pub(crate) user: String,

    /// What that user may do there: whatever its owner may
    #[arg(long, value_name = "RIGHT")]
    pub(crate) access_rights: Right,
}

/// What a user may do in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Right {
    /// Whatever its owner may
    FullAccess,
}

const ADD_EXAMPLES: &str = "\
Examples:
  Let a user open another one's mailbox:
    actas Add-MailboxPermission adele@contoso.example -User omar@contoso.example -AccessRights FullAccess
  The same in kebab style:
    actas add-mailbox-permission adele@contoso.example --user omar@contoso.example --access-rights FullAccess";

const GET_EXAMPLES: &str = "\
Examples:
  Show who may open one mailbox:
    actas Get-MailboxPermission adele@contoso.example
  Show what a linked account may open, in kebab style:
    actas get-mailbox-permission --user archive@contoso.example";

const REMOVE_EXAMPLES: &str = "\
Examples:
  See what would be taken back, then do it:
    actas Remove-MailboxPermission adele@contoso.example -User omar@contoso.example -AccessRights FullAccess -WhatIf
    actas Remove-MailboxPermission adele@contoso.example -User omar@contoso.example -AccessRights FullAccess
  In kebab style:
    actas remove-mailbox-permission adele@contoso.example --user omar@contoso.example --access-rights FullAccess";
