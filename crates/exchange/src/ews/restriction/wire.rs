//! Restrictions as XML

use super::{Comparison, ContainmentComparison, ContainmentMode, Operand, Restriction};
use crate::error::{Error, Result};
use crate::ews::property::PropertyPath;
use crate::ews::{RESTRICTION_DEPTH_MAX, RESTRICTION_NODES_MAX};
use crate::xml::{self, Node, Writer};

impl Restriction {
    /// Reads `m:Restriction`, which holds one condition.
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let mut nodes = 0;
        Self::read_condition(node.only()?, 1, &mut nodes)
    }

    fn read_condition(node: Node<'_>, depth: usize, nodes: &mut usize) -> Result<Self> {
        if node.namespace() != Some(xml::TYPES) {
            return Err(node.not_supported());
        }
        if depth > RESTRICTION_DEPTH_MAX {
            let error = Error::too_large("restrictions inside restrictions", RESTRICTION_DEPTH_MAX);
            return Err(error.at(node.position()));
        }
        *nodes += 1;
        if *nodes > RESTRICTION_NODES_MAX {
            let error = Error::too_large("restrictions in one search", RESTRICTION_NODES_MAX);
            return Err(error.at(node.position()));
        }
        match node.name() {
            "And" => Self::read_several(node, depth, nodes).map(Self::And),
            "Or" => Self::read_several(node, depth, nodes).map(Self::Or),
            "Not" => {
                let inner = Self::read_condition(node.only()?, depth + 1, nodes)?;
                Ok(Self::Not(Box::new(inner)))
            }
            "Exists" => PropertyPath::read(node.only()?).map(Self::Exists),
            "Contains" => Self::read_contains(node),
            name => match Comparison::from_name(name) {
                Some(operation) => Self::read_comparison(node, operation),
                None => Err(node.not_supported()),
            },
        }
    }

    fn read_several(node: Node<'_>, depth: usize, nodes: &mut usize) -> Result<Vec<Self>> {
        let conditions =
            node.elements().map(|inner| Self::read_condition(inner, depth + 1, nodes)).collect::<Result<Vec<_>>>()?;
        if conditions.is_empty() {
            return Err(node.unexpected(format!("`{}` is empty", node.name())));
        }
        Ok(conditions)
    }

    fn read_contains(node: Node<'_>) -> Result<Self> {
        let constant = node.required(xml::TYPES, "Constant")?;
        Ok(Self::Contains {
            path: read_path(node)?,
            constant: constant.required_attribute("Value")?.to_owned(),
            mode: node.named_attribute("ContainmentMode")?.unwrap_or(ContainmentMode::FullString),
            comparison: node.named_attribute("ContainmentComparison")?.unwrap_or(ContainmentComparison::Exact),
        })
    }

    fn read_comparison(node: Node<'_>, operation: Comparison) -> Result<Self> {
        let operand = node.required(xml::TYPES, "FieldURIOrConstant")?.only()?;
        let operand = if operand.is(xml::TYPES, "Constant") {
            Operand::Constant(operand.required_attribute("Value")?.to_owned())
        } else {
            Operand::Path(PropertyPath::read(operand)?)
        };
        Ok(Self::Compare { operation, path: read_path(node)?, operand })
    }

    /// Writes the condition.
    pub(crate) fn write(&self, w: &mut Writer) {
        match self {
            Self::And(conditions) => write_several(w, "t:And", conditions),
            Self::Or(conditions) => write_several(w, "t:Or", conditions),
            Self::Not(condition) => w.element("t:Not", &[], |w| condition.write(w)),
            Self::Exists(path) => w.element("t:Exists", &[], |w| path.write(w)),
            Self::Compare { operation, path, operand } => w.element(&format!("t:{operation}"), &[], |w| {
                path.write(w);
                w.element("t:FieldURIOrConstant", &[], |w| match operand {
                    Operand::Constant(text) => w.empty("t:Constant", &[("Value", text)]),
                    Operand::Path(path) => path.write(w),
                });
            }),
            Self::Contains { path, constant, mode, comparison } => {
                let attributes = [("ContainmentMode", mode.as_str()), ("ContainmentComparison", comparison.as_str())];
                w.element("t:Contains", &attributes, |w| {
                    path.write(w);
                    w.empty("t:Constant", &[("Value", constant)]);
                });
            }
        }
    }
}

/// The path on the left side.
fn read_path(node: Node<'_>) -> Result<PropertyPath> {
    let path = node.elements().find(|child| PropertyPath::is(*child));
    let path = path.ok_or_else(|| node.unexpected(format!("`{}` names no property", node.name())))?;
    PropertyPath::read(path)
}

fn write_several(w: &mut Writer, name: &str, conditions: &[Restriction]) {
    w.element(name, &[], |w| {
        for condition in conditions {
            condition.write(w);
        }
    });
}
