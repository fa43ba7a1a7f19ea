//! `demo`: the whole procedure, for real, on this machine.

use clap::Args;

/// Sets up the whole trust on this machine and proves each step
///
/// Starts both sides in a fresh folder, which is removed afterwards unless `--data` names one.
/// Ends with 0 only if every step was observed.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// Print one JSON object a line: step, command, ok, observed
    #[arg(long)]
    pub(crate) json: bool,

    /// Leave both sides running at the end
    #[arg(long)]
    pub(crate) keep: bool,
}

const EXAMPLES: &str = "\
Examples:
  Watch the procedure:
    actas demo
  Check it from a script:
    actas demo --json
  Keep what it made, and leave it running:
    actas demo --data ./demo --keep";
