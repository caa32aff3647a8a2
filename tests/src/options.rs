//! The options of commands that take numbers only: `--runs 1_000 --seed 7`.

/// Hands each option with its number to `set`, which says whether it knows the option.
pub fn numbers(
    mut args: impl Iterator<Item = String>,
    mut set: impl FnMut(&str, u64) -> bool,
) -> Result<(), String> {
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a number"))?;
        let number = value.replace('_', "").parse().map_err(|_| format!("{value:?} is no number"))?;
        if !set(&name, number) {
            return Err(format!("unknown option {name}"));
        }
    }
    Ok(())
}
