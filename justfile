# `just` lists what there is; every recipe is one command that also works without just.

# List the recipes
default:
    @just --list

# Show a whole release on an embedded sandbox
demo *args:
    cargo run --locked -- demo {{args}}

# Format, lints, tests that need no server
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
    cargo test --workspace --locked

# All tests, those on real servers too; installs what is missing
test *args:
    cargo xtask test {{args}}

# Run the fuzz targets, ten seconds each: all, or those named; --seconds N for longer
fuzz *args:
    cargo xtask fuzz {{args}}

# Write the generated parts of docs/
generate:
    cargo xtask generate

# What copying images costs, beside skopeo and the floor; `just bench --write` renews docs/benchmarks.md
bench *args:
    cargo xtask bench registry {{args}}

# What may come into the build
deny:
    cargo deny check bans licenses sources

# The documentation of the crates
doc:
    cargo doc --workspace --no-deps --locked --open

# All that must hold before a change lands
ci:
    .ci/run
