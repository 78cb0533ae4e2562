//! Amounts as people read them.

use std::time::Duration;

/// Formats a duration in its two largest units: `45s`, `1m 04s`, `2h 05m`, `3d 04h`.
pub fn duration(time: Duration) -> String {
    // A second that has begun is not over.
    let seconds = (time.as_secs_f64() + 0.5) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// Formats a number of bytes: `980 B`, `12.5 kB`, `3.4 MB`.
pub fn bytes(bytes: f64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 999.5 {
        return format!("{bytes:.0} B");
    }
    let (mut amount, mut unit) = (bytes / 1e3, 0);
    while amount >= 999.95 && unit + 1 < units.len() {
        (amount, unit) = (amount / 1e3, unit + 1);
    }
    format!("{amount:.1} {}", units[unit])
}

/// Formats how often something is done: `12.0 steps/s`, or `4.0 s/step` where it is less than once
/// per second. `name` is the plural.
pub fn rate(per_second: f64, name: &str) -> String {
    match per_second {
        rate if rate >= 100.0 => format!("{rate:.0} {name}/s"),
        rate if rate >= 1.0 => format!("{rate:.1} {name}/s"),
        rate => format!("{:.1} s/{}", 1.0 / rate, name.strip_suffix('s').unwrap_or(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let shown = |seconds: f64| duration(Duration::from_secs_f64(seconds));
        assert_eq!(shown(0.4), "0s");
        assert_eq!(shown(59.4), "59s");
        assert_eq!(shown(59.6), "1m 00s");
        assert_eq!(shown(89.0), "1m 29s");
        assert_eq!(shown(3600.0 * 1.49), "1h 29m");
        assert_eq!(shown(86400.0 * 3.0 + 3600.0 * 4.5), "3d 04h");
        assert!(duration(Duration::MAX).ends_with("h"));
    }

    #[test]
    fn bytes_have_a_unit_that_keeps_them_short() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(999.0), "999 B");
        assert_eq!(bytes(999.6), "1.0 kB");
        assert_eq!(bytes(12_540.0), "12.5 kB");
        assert_eq!(bytes(999_960.0), "1.0 MB");
        assert_eq!(bytes(3.4e9), "3.4 GB");
        assert_eq!(bytes(2e16), "20000.0 TB");
    }

    #[test]
    fn slow_rates_are_times() {
        assert_eq!(rate(1234.5, "merges"), "1234 merges/s");
        assert_eq!(rate(12.04, "steps"), "12.0 steps/s");
        assert_eq!(rate(0.25, "steps"), "4.0 s/step");
    }
}
