//! The extension for Zed: it tells how the language server is started. Everything else is data beside it.

use zed_extension_api as zed;

/// Starts `flow lsp` with the `flow` of the project's PATH, or the one of the settings.
struct Flow;

impl zed::Extension for Flow {
    fn new() -> Self {
        Flow
    }

    fn language_server_command(
        &mut self,
        server: &zed::LanguageServerId,
        worktree: &zed::Worktree,
    ) -> zed::Result<zed::Command> {
        let settings = zed::settings::LspSettings::for_worktree(server.as_ref(), worktree)?;
        let named = settings.binary.and_then(|binary| binary.path);
        let command = named
            .or_else(|| worktree.which("flow"))
            .ok_or("there is no `flow` on the PATH; install it, or set `lsp.flow.binary.path`")?;
        Ok(zed::Command { command, args: vec!["lsp".into()], env: worktree.shell_env() })
    }
}

zed::register_extension!(Flow);
