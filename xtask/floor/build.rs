//! Links the target's own C start files and libc, as the product does.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        println!("cargo::rustc-link-lib=c");
    }
}
