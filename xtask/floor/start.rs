//! What every one of these programs needs to be linked like the product.

/// There is nobody to tell.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Named by the tables of the precompiled core library.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
