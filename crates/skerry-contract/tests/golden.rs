//! The golden tables in `tests/golden/contract`: a result, and what each level makes of it.
//!
//! A row names a trigger and either a `patch` (JSON merge patch on the unchanged result) or a whole `result`;
//! `result_text` is a result that is not JSON. `sent` alters the exchange. `all`, or `strict`, `warn` and `relaxed`,
//! hold the judgement as lines.

// in a test a panic is the report
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sample;

use sample::{LEVELS, Sample, expand, merge, s3_origin};
use serde_json::Value;
use skerry_contract::*;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/contract")
}

fn sample(row: &Value) -> Sample {
    let mut sample = Sample::at(Trigger::parse(row["trigger"].as_str().unwrap()).unwrap());
    let sent = &row["sent"];
    if let Some(body) = sent["body"].as_str() {
        sample.body = Some((body.as_bytes().to_vec(), sent["truncated"] == true));
    }
    if sent["origin"] == "s3" {
        sample.origin = Some(s3_origin());
    }
    if let Some(status) = sent["status"].as_u64() {
        sample.status = status as u16;
    }
    for (name, value) in sent["headers"].as_object().into_iter().flatten() {
        let fields = if sample.trigger.is_request() { &mut sample.request } else { &mut sample.response };
        fields.push(name.as_bytes(), value.as_str().unwrap().as_bytes());
    }
    sample
}

fn result(sample: &Sample, row: &Value) -> Vec<u8> {
    if let Some(text) = row["result_text"].as_str() {
        return text.as_bytes().to_vec();
    }
    if row.get("result").is_some() {
        return serde_json::to_vec(&row["result"]).unwrap();
    }
    let mut value = sample.unchanged();
    merge(&mut value, &row["patch"]);
    serde_json::to_vec(&value).unwrap()
}

fn expected(row: &Value, level: Level) -> Vec<String> {
    let own = serde_json::to_value(level).unwrap();
    let lines = row.get(own.as_str().unwrap()).or(row.get("all")).expect("a row has `all` or every level");
    lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_row_holds() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let mut rows: Vec<Value> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for row in &mut rows {
            expand(row);
            let row = &*row;
            let sample = sample(row);
            let result = result(&sample, row);
            let profile = row["profile"].as_str().map_or(Profile::Aws2026, |p| Profile::parse(p).unwrap());
            for level in LEVELS {
                let policy = Policy { level, limits: Limits::of(profile) };
                let got = sample.told(&judge(&sample.input(), &result, policy));
                let want = expected(row, level);
                seen += 1;
                if got != want {
                    wrong.push(format!("{} at {level:?}\n  want {want:?}\n  got  {got:?}", row["name"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen >= 850, "only {seen} judgements");
}
