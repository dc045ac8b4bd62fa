"""What stands for a library that is not installed."""

def _absent_library_impl(ctx):
    fail(ctx.attr.message)

absent_library = rule(
    implementation = _absent_library_impl,
    attrs = {"message": attr.string(mandatory = True)},
    doc = "Loads like a library and fails, with a message, when something is built with it.",
)
