//! Numbers as digits. By hand: this runs many times on every hit, and a formatter costs several times as much.

/// Append a number in decimal.
pub fn put(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = 20;
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_a_formatter_writes_them() {
        for n in [0, 9, 10, 99, 100, 65_535, u64::MAX] {
            let mut out = b"=".to_vec();
            put(n, &mut out);
            assert_eq!(out, format!("={n}").into_bytes());
        }
    }
}
