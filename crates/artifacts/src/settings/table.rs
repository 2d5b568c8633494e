//! Tables of `landfall.toml` of which every key may be missing.

/// Reads a table of which every key may be missing.
macro_rules! table {
    ($type:ident { $($field:ident : $read:ident),+ $(,)? } $(then $check:ident)?) => {
        impl FromJson for $type {
            fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
                at.members(problems)?;
                $(let $field = at.$read(stringify!($field), problems);)+
                let table = Self { $($field: $field?),+ };
                $($check(&table, at, problems);)?
                Some(table)
            }
        }
    };
}

pub(super) use table;
