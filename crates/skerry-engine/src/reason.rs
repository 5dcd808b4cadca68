//! The sentences for what goes wrong on a request's way; read from `rules/failures.toml`.
//!
//! What goes wrong with a function's call has its own table, which `skerry-contract` embeds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../src/skerry/rules/failures.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    meaning: String,
    todo: String,
    detailed: String,
    // whose fault it is: for the renderers of errors, which read the table themselves
    #[serde(rename = "class")]
    _class: String,
}

// A test reads the table; were it broken all the same, pages would lack a sentence and nothing else.
static ROWS: LazyLock<BTreeMap<String, Row>> = LazyLock::new(|| toml::from_str(TABLE).unwrap_or_default());

/// What a code means; empty for one of another table.
pub fn meaning(code: &str) -> &'static str {
    ROWS.get(code).map_or_else(|| skerry_contract::reason::reason(code).meaning, |row| &row.meaning)
}

/// The way out; empty for a code of another table.
pub fn hint(code: &str) -> &'static str {
    ROWS.get(code).map_or("", |row| &row.todo)
}

/// `x-edge-detailed-result-type` of an error (row 73); `Error` for what has no word of its own.
pub fn detailed(code: &str) -> &'static str {
    ROWS.get(code).map_or("Error", |row| &row.detailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert!(ROWS.len() > 30, "{}", ROWS.len());
        for (code, row) in ROWS.iter() {
            assert!(row.meaning.ends_with('.') && row.todo.ends_with('.'), "{code}");
        }
        assert_eq!(detailed("origin-name-unknown"), "OriginDnsError");
        assert_eq!(detailed("function.raised"), "Error");
        assert!(meaning("origin-unmapped").contains("mapped"));
        assert!(
            !meaning("function.raised").is_empty(),
            "what a function did wrong stands in the contract's table"
        );
    }
}
