//! The sentences for what can go wrong with a call; read from `rules/contract.toml`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../../src/skerry/rules/contract.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    meaning: String,
    todo: String,
    // whose fault it is: for the renderers of errors, which read the table themselves
    #[serde(rename = "class")]
    _class: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    function: BTreeMap<String, Row>,
}

// The table is part of the program; a test reads it, so a broken one never leaves the workshop.
#[allow(clippy::expect_used)]
static ROWS: LazyLock<Table> = LazyLock::new(|| toml::from_str(TABLE).expect("contract.toml is well formed"));

/// What a code means, and the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// One sentence.
    pub meaning: &'static str,
    /// One sentence.
    pub hint: &'static str,
}

/// The sentences of a code; empty for one that is not in the table (a test sees to it that ours are).
pub fn reason(code: &str) -> Reason {
    let row = code.strip_prefix("function.").and_then(|name| ROWS.function.get(name));
    row.map_or(Reason { meaning: "", hint: "" }, |row| Reason { meaning: &row.meaning, hint: &row.todo })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;

    #[test]
    fn every_row_has_a_user_and_every_code_a_row() {
        let failures = ["raised", "timed_out", "crashed", "init_failed", "throttled"];
        let mut known: Vec<&str> =
            Code::ALL.iter().filter_map(|c| c.name().strip_prefix("function.")).collect();
        known.extend(failures);
        known.sort_unstable();
        let rows: Vec<&str> = ROWS.function.keys().map(String::as_str).collect();
        assert_eq!(rows, known);
        assert_eq!(reason("function.nothing").meaning, "");
    }
}
