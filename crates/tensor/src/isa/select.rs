//! The choice of a kernel table: those that this machine can run, and the one in use.

use super::portable;
use super::table::{Isa, Kernels};
use std::sync::LazyLock;

/// The environment variable that overrides the choice.
const VARIABLE: &str = "LM_ISA";

/// The table that this process uses, and the reason.
#[derive(Debug)]
pub struct Selection {
    /// The table.
    pub kernels: &'static Kernels,
    /// One line for the log.
    pub reason: String,
}

/// Returns the table for `isa` if this machine can run it.
fn table(isa: Isa) -> Option<&'static Kernels> {
    match isa {
        Isa::Portable => Some(&portable::KERNELS),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c"))
        .then_some(&super::avx2::KERNELS),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => (table(Isa::Avx2).is_some()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl"))
        .then(|| {
            let has_vnni = is_x86_feature_detected!("avx512vnni");
            match is_x86_feature_detected!("avx512bf16") {
                true if has_vnni => &super::avx512_bf16::KERNELS,
                _ if has_vnni => &super::avx512::KERNELS_VNNI,
                _ => &super::avx512::KERNELS,
            }
        }),
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        Isa::Amx => (table(Isa::Avx512).is_some() && super::amx::is_available())
            .then_some(&super::amx::KERNELS),
        #[cfg(any(not(target_arch = "x86_64"), miri))]
        _ => None,
    }
}

/// Returns the tables that this machine can run, the portable one first and the fastest last.
pub fn available() -> Vec<&'static Kernels> {
    Isa::ALL.into_iter().filter_map(table).collect()
}

fn best() -> &'static Kernels {
    available().last().copied().unwrap_or(&portable::KERNELS)
}

/// Returns the table with the wanted name, or the best one, and the reason.
fn select(wanted: Option<&str>) -> Result<Selection, String> {
    let tables = available();
    let possible = tables.iter().map(|table| table.isa().name()).collect::<Vec<_>>().join(", ");
    let Some(wanted) = wanted.filter(|name| !name.is_empty()) else {
        let kernels = best();
        let isa = kernels.isa();
        let reason = format!("{isa} kernels: the best of what this CPU has ({possible})");
        return Ok(Selection { kernels, reason });
    };
    let refused = |why: &str| {
        Err(format!("{VARIABLE}={wanted}: {why}; possible on this machine: {possible}"))
    };
    let Some(isa) = Isa::ALL.into_iter().find(|isa| isa.name() == wanted) else {
        return refused("there are no such kernels");
    };
    let Some(kernels) = table(isa) else {
        return refused("this CPU lacks that instruction set");
    };
    let reason = format!("{isa} kernels: {VARIABLE} asks for them (this CPU has {possible})");
    Ok(Selection { kernels, reason })
}

fn wanted() -> Option<String> {
    std::env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned())
}

/// Returns the table that the environment variable `LM_ISA` (`portable`, `avx2`, `avx512` or `amx`)
/// names, or the best one.
///
/// # Errors
/// One line with the name and the possible ones, if this machine cannot run that table.
pub fn from_env() -> Result<&'static Kernels, String> {
    select(wanted().as_deref()).map(|selection| selection.kernels)
}

/// Returns the table that this process uses, and the reason; the first call chooses it. A value of
/// `LM_ISA` that this machine cannot run is ignored here; [`from_env`] reports it.
pub fn selection() -> &'static Selection {
    static SELECTION: LazyLock<Selection> = LazyLock::new(|| {
        select(wanted().as_deref()).unwrap_or_else(|message| {
            let kernels = best();
            Selection { kernels, reason: format!("{} kernels, as {message}", kernels.isa()) }
        })
    });
    &SELECTION
}

/// Returns the table that this process uses by default; see [`selection`].
pub fn active() -> &'static Kernels {
    selection().kernels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_table_is_first_and_can_be_asked_for() {
        assert_eq!(available()[0].isa(), Isa::Portable);
        let selection = select(Some("portable")).unwrap();
        assert_eq!(selection.kernels.isa(), Isa::Portable);
        assert!(selection.reason.contains("LM_ISA asks"), "{}", selection.reason);
    }

    #[test]
    fn without_a_wish_the_widest_table_is_taken() {
        for none in [None, Some("")] {
            let selection = select(none).unwrap();
            assert_eq!(Some(selection.kernels.isa()), available().iter().map(|t| t.isa()).max());
        }
    }

    #[test]
    fn an_impossible_wish_says_what_is_possible() {
        let message = select(Some("mmx")).unwrap_err();
        assert!(message.contains("LM_ISA=mmx") && message.contains("portable"), "{message}");
        for isa in Isa::ALL {
            let here = available().iter().any(|table| table.isa() == isa);
            assert_eq!(select(Some(isa.name())).is_ok(), here, "{isa}");
        }
    }
}
